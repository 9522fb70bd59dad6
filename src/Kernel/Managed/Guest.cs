using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel;

/// <summary>
/// The guest that this program is: everything that it has beyond what .NET offers everywhere. Libraries should take the interfaces
/// (assembly Xenlet.Kernel.Abstractions) instead, so that they can be tested without a guest.
/// </summary>
/// <remarks>
/// There is no clock here, because .NET's clocks are the guest's: <see cref="System.Diagnostics.Stopwatch"/>,
/// <see cref="TimeProvider.System"/> and timers run on Xen's system time, <see cref="DateTime.UtcNow"/> on its wall clock.
/// </remarks>
public static unsafe class Guest
{
    private static readonly XenEventChannels XenChannels = new(TimeProvider.System);
    private static readonly XenSharedPages XenPages = new();
    private static readonly XenForeignPages XenForeign = new();

    // Measured once, so that two readings differ only by the clock.
    private static readonly Lazy<TimeSpan> MeasuredBootTime = new(MeasureNucleusBoot);

    /// <summary>The hypervisor that the guest runs on.</summary>
    public static IHypervisor Hypervisor { get; } = new XenHypervisor();

    /// <summary>Event channels to other domains. Needs Xen.</summary>
    public static IEventChannels EventChannels => XenChannels;

    /// <summary>Pages to share with other domains. Needs Xen.</summary>
    public static ISharedPages Pages => XenPages;

    /// <summary>Pages that other domains have granted to this one. Needs Xen.</summary>
    public static IForeignPages ForeignPages => XenForeign;

    /// <summary>The domain's connection to xenstore. Needs Xen.</summary>
    public static IXenStoreLinkFactory XenStore { get; } = new XenStoreLinkFactory(XenChannels, XenPages);

    /// <summary>Suspends the guest or ends it: power off, reboot, crash.</summary>
    public static IPower Power { get; } = new GuestPower(XenChannels, XenPages, XenForeign);

    /// <summary>The program's sockets, for a TCP/IP stack.</summary>
    public static ISockets Sockets { get; } = new GuestSockets(XenChannels);

    /// <summary>What the guest's threads do and who owns its memory.</summary>
    public static IDiagnostics Diagnostics { get; } = new GuestDiagnostics(XenChannels, XenPages);

    /// <summary>All of this as one object, for libraries that need it whole.</summary>
    public static IMachine Machine { get; } = new GuestMachine();

    /// <summary>Reads the nucleus's counters.</summary>
    public static GuestStatistics ReadStatistics()
    {
        NucleusStatistics read = Read();
        TimeSpan boot = MeasuredBootTime.Value;
        return new GuestStatistics
        {
            SystemCalls = read.SystemCalls,
            ThreadSwitches = read.ThreadSwitches,
            FutexWakeUps = read.FutexWakeUps,
            Hypercalls = read.Hypercalls,
            Notifications = read.Notifications,
            Upcalls = read.Upcalls,
            Threads = (int)read.Threads,
            TotalPages = read.TotalPages,
            UsedPages = read.TotalPages - read.FreePages,
            AvailablePages = read.AvailablePages,
            SharedPages = read.SharedPages,
            Grants = read.Grants,
            ForeignPages = read.ForeignPages,
            StuckForeignPages = read.StuckForeignPages,
            NucleusBootTime = boot,
            Uptime = boot + TimeSpan.FromMicroseconds((read.Now - read.ReadyTime) / 1000.0),
        };
    }

    internal static NucleusStatistics Read()
    {
        NucleusStatistics read = default;
        long answer = NucleusSystemCall.Invoke(NucleusCall.ReadStatistics, (ulong)&read);
        return answer < 0 ? throw NucleusError.ToException(answer, "statistics", "reading the nucleus's counters") : read;
    }

    /// <summary>
    /// The clock starts late in the boot. The time before was counted with the time-stamp counter, whose rate is computed from the time
    /// since.
    /// </summary>
    private static TimeSpan MeasureNucleusBoot()
    {
        NucleusStatistics read = Read();
        double nanosecondsPerCount = (double)(read.Now - read.ReadyTime) / Math.Max(read.NowCount - read.ReadyCount, 1);
        return TimeSpan.FromMicroseconds((read.ReadyCount - read.StartedCount) * nanosecondsPerCount / 1000);
    }

    private sealed class GuestMachine : IMachine
    {
        public IHypervisor Hypervisor => Guest.Hypervisor;

        public IEventChannels EventChannels => Guest.EventChannels;

        public ISharedPages Pages => Guest.Pages;

        public IForeignPages ForeignPages => Guest.ForeignPages;

        public IXenStoreLinkFactory XenStore => Guest.XenStore;

        public IPower Power => Guest.Power;

        public IDiagnostics Diagnostics => Guest.Diagnostics;
    }
}
