using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Linux;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>The record that <see cref="NucleusCall.ReadStatistics"/> writes. Counters run from boot.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NucleusStatistics
{
    public ulong SystemCalls;
    public ulong ThreadSwitches;

    /// <summary>Threads woken by a futex.</summary>
    public ulong FutexWakeUps;

    /// <summary>Hypercalls issued.</summary>
    public ulong Hypercalls;

    /// <summary>Notifications sent over event channels.</summary>
    public ulong Notifications;

    /// <summary>Interrupts that announced events.</summary>
    public ulong Upcalls;

    /// <summary>Live threads of the program.</summary>
    public ulong Threads;

    /// <summary>Pages of RAM outside the image.</summary>
    public ulong TotalPages;

    /// <summary>Free pages.</summary>
    public ulong FreePages;

    /// <summary>Pages that can still be promised to the program.</summary>
    public ulong AvailablePages;

    /// <summary>Pages of RAM that can be granted to other domains.</summary>
    public ulong SharedPages;

    /// <summary>Grant references in use.</summary>
    public ulong Grants;

    /// <summary>Pages of other domains that the program has mapped.</summary>
    public ulong ForeignPages;

    /// <summary>Frames that are not used again because Xen did not end their mapping.</summary>
    public ulong StuckForeignPages;

    /// <summary>Time-stamp counter at the first managed instruction.</summary>
    public ulong StartedCount;

    /// <summary>Time-stamp counter just before the program's first instruction.</summary>
    public ulong ReadyCount;

    /// <summary>The clock at <see cref="ReadyCount"/>, in nanoseconds.</summary>
    public ulong ReadyTime;

    /// <summary>Time-stamp counter at this call.</summary>
    public ulong NowCount;

    /// <summary>The clock at this call, in nanoseconds.</summary>
    public ulong Now;
}
