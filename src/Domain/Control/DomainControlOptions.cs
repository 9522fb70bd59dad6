using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>Settings of <see cref="DomainControl"/>.</summary>
public sealed record DomainControlOptions
{
    /// <summary>
    /// How long the program may take to end on request; then the guest ends without it.
    /// <see cref="Timeout.InfiniteTimeSpan"/> for as long as it wants.
    /// </summary>
    public TimeSpan ShutdownTimeLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long everything before a suspend may take together, from the acknowledgement of the request: the program's preparations, the
    /// drivers of both buses, xenstore. Then the suspend is refused. It is less than the 60 seconds after which libxl gives up: a domain
    /// that is suspended later stays shut down, and nobody resumes it.
    /// </summary>
    public TimeSpan SuspendTimeLimit { get; init; } = TimeSpan.FromSeconds(50);

    /// <summary>
    /// How much of <see cref="SuspendTimeLimit"/> the preparations of <see cref="DomainControl.OnSuspend"/> may take together; then the
    /// suspend is refused.
    /// </summary>
    public TimeSpan PreparationTimeLimit { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a section of the report may take if it calls other code; then the report continues without it.</summary>
    public TimeSpan ReportTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The stream for reports and messages, by default standard error, opened anew: a thread that hangs may hold the lock of
    /// <see cref="Console.Error"/>. It is not disposed of.
    /// </summary>
    public Stream? Output { get; init; }

    /// <summary>
    /// The event loop that follows the tool stack's requests, so that they are carried out even if the program blocks every thread of the
    /// pool; <see langword="null"/>, the default, for the pool. It must not be the store's, since a message waits for the console. Its
    /// owner disposes of it after the control.
    /// </summary>
    public EventLoop? Loop { get; init; }

    /// <summary>The clock for the limits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
