using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>Settings of <see cref="DomainControl"/>.</summary>
public sealed record DomainControlOptions
{
    /// <summary>
    /// How long the program may take to end after it was asked to; then the guest is ended without it.
    /// <see cref="Timeout.InfiniteTimeSpan"/> for as long as it wants.
    /// </summary>
    public TimeSpan ShutdownTimeLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long all that comes before a suspend may take together, counted from the acknowledgement of the request: the program's
    /// preparations, the drivers of both buses, xenstore. Then the suspend is refused. Less than the 60 seconds after which libxl gives
    /// up: a domain that is suspended later stays shut down, and nobody resumes it.
    /// </summary>
    public TimeSpan SuspendTimeLimit { get; init; } = TimeSpan.FromSeconds(50);

    /// <summary>
    /// How long of <see cref="SuspendTimeLimit"/> the program's own <see cref="DomainControl.OnSuspend"/> preparations may take together;
    /// then the suspend is refused.
    /// </summary>
    public TimeSpan PreparationTimeLimit { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long one section of a report that must ask others may take; then the report goes on without it.</summary>
    public TimeSpan ReportTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Where reports and messages go, by default standard error, past <see cref="Console.Error"/>, whose lock a thread that is stuck may
    /// hold. It is not disposed of.
    /// </summary>
    public Stream? Output { get; init; }

    /// <summary>
    /// The event loop that follows the tool stack's requests, so that they are served though the program blocks every thread of the pool;
    /// <see langword="null"/>, the default, for the pool. A message waits for the console, so it is not the store's. Whoever makes it
    /// disposes of it, after the control.
    /// </summary>
    public EventLoop? Loop { get; init; }

    /// <summary>The clock for the limits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
