namespace Xenlet.Kernel;

/// <summary>
/// What the nucleus has counted since boot, and how long its own boot took. Times are by .NET's clocks, which are the guest's.
/// </summary>
public sealed record GuestStatistics
{
    /// <summary>System calls of the program and the runtime.</summary>
    public required ulong SystemCalls { get; init; }

    /// <summary>The number of times that the processor switched threads, including to and from the idle thread.</summary>
    public required ulong ThreadSwitches { get; init; }

    /// <summary>Threads woken by a futex.</summary>
    public required ulong FutexWakeUps { get; init; }

    /// <summary>Hypercalls, each of which exits to Xen. Includes those of <see cref="Notifications"/>. 0 without Xen.</summary>
    public required ulong Hypercalls { get; init; }

    /// <summary>Notifications sent to other domains over event channels, including the console's.</summary>
    public required ulong Notifications { get; init; }

    /// <summary>Interrupts with which Xen announced events, including the timer's. One interrupt may announce several events.</summary>
    public required ulong Upcalls { get; init; }

    /// <summary>The number of threads, including those of the runtime.</summary>
    public required int Threads { get; init; }

    /// <summary>The guest's pages of 4096 bytes, without its image.</summary>
    public required ulong TotalPages { get; init; }

    /// <summary>Pages in use.</summary>
    public required ulong UsedPages { get; init; }

    /// <summary>Pages that can still be promised to the program.</summary>
    public required ulong AvailablePages { get; init; }

    /// <summary>Pages in use that can be granted to other domains.</summary>
    public required ulong SharedPages { get; init; }

    /// <summary>Grant references in use.</summary>
    public required ulong Grants { get; init; }

    /// <summary>Pages of other domains that are mapped.</summary>
    public required ulong ForeignPages { get; init; }

    /// <summary>Mappings of other domains' pages that Xen did not end. Their guest frames are not used again.</summary>
    public required ulong StuckForeignPages { get; init; }

    /// <summary>
    /// Time from the first managed instruction of the nucleus to the first instruction of the program, which starts the runtime.
    /// </summary>
    public required TimeSpan NucleusBootTime { get; init; }

    /// <summary>Time from the first managed instruction of the nucleus to now.</summary>
    public required TimeSpan Uptime { get; init; }
}
