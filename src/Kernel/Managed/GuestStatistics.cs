namespace Xenlet.Kernel;

/// <summary>
/// What the nucleus has counted since boot, and how long its own boot took. Times are those of .NET's clocks, which are the guest's.
/// </summary>
public sealed record GuestStatistics
{
    /// <summary>System calls of the program and the runtime.</summary>
    public required ulong SystemCalls { get; init; }

    /// <summary>Times that the processor went from one thread to another, the idle one included.</summary>
    public required ulong ThreadSwitches { get; init; }

    /// <summary>Threads that were woken by a futex.</summary>
    public required ulong FutexWakeUps { get; init; }

    /// <summary>
    /// Hypercalls that were issued, each an exit to Xen; those of <see cref="Notifications"/> are among them. 0 without Xen.
    /// </summary>
    public required ulong Hypercalls { get; init; }

    /// <summary>Notifications that were sent to other domains over event channels, those of the console included.</summary>
    public required ulong Notifications { get; init; }

    /// <summary>Interrupts by which Xen announced events, the timer's included. One of them may stand for several events.</summary>
    public required ulong Upcalls { get; init; }

    /// <summary>Threads there are, those of the runtime included.</summary>
    public required int Threads { get; init; }

    /// <summary>Pages of 4096 bytes that the guest has, without its image.</summary>
    public required ulong TotalPages { get; init; }

    /// <summary>Pages that hold something.</summary>
    public required ulong UsedPages { get; init; }

    /// <summary>Pages that can still be promised to the program.</summary>
    public required ulong AvailablePages { get; init; }

    /// <summary>Pages in use that can be granted to other domains.</summary>
    public required ulong SharedPages { get; init; }

    /// <summary>Grant references in use.</summary>
    public required ulong Grants { get; init; }

    /// <summary>
    /// From the first managed instruction of the nucleus to the first instruction of the program, which starts the runtime.
    /// </summary>
    public required TimeSpan NucleusBootTime { get; init; }

    /// <summary>From the first managed instruction of the nucleus to now.</summary>
    public required TimeSpan Uptime { get; init; }
}
