using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Linux;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>What <see cref="NucleusCall.ReadStatistics"/> writes. Counters run from boot.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NucleusStatistics
{
    public ulong SystemCalls;
    public ulong ThreadSwitches;

    /// <summary>Threads that a futex woke.</summary>
    public ulong FutexWakeUps;

    /// <summary>Hypercalls issued.</summary>
    public ulong Hypercalls;

    /// <summary>Notifications sent over event channels.</summary>
    public ulong Notifications;

    /// <summary>Interrupts that announced events.</summary>
    public ulong Upcalls;

    /// <summary>Live threads of the program.</summary>
    public ulong Threads;

    /// <summary>Pages of RAM that are not the image's.</summary>
    public ulong TotalPages;

    /// <summary>Pages that hold nothing.</summary>
    public ulong FreePages;

    /// <summary>Pages that can still be promised to the program.</summary>
    public ulong AvailablePages;

    /// <summary>Pages of RAM that can be granted to other domains.</summary>
    public ulong SharedPages;

    /// <summary>Grant references in use.</summary>
    public ulong Grants;

    /// <summary>Time-stamp count at the first managed instruction.</summary>
    public ulong StartedCount;

    /// <summary>Time-stamp count when the program's first instruction was due.</summary>
    public ulong ReadyCount;

    /// <summary>The clock, in nanoseconds, at <see cref="ReadyCount"/>.</summary>
    public ulong ReadyTime;

    /// <summary>Time-stamp count at this call.</summary>
    public ulong NowCount;

    /// <summary>The clock, in nanoseconds, at this call.</summary>
    public ulong Now;
}
