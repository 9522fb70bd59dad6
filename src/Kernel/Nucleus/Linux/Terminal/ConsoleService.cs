using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.Terminal;

/// <summary>
/// Decides when the nucleus services the console: at each event, as long as the back end sends few. The back end runs on another processor
/// and can write and signal without end. Each service therefore takes at most a ring's worth of input. If events come too fast, bring
/// nothing, or have taken a quarter of the time, the next service waits for the scheduler with the port masked, and threads run in between.
/// </summary>
internal static unsafe class ConsoleService
{
    /// <summary>The shortest pause, in nanoseconds.</summary>
    public const ulong Interval = 1_000_000;

    /// <summary>The number of events served at once within an interval.</summary>
    public const uint EventsPerInterval = 16;

    /// <summary>
    /// The number of consecutive events that may bring nothing: an earlier service may already have handled what an event announced.
    /// </summary>
    public const uint FreeIdleEvents = 8;

    /// <summary>The longest pause is an interval doubled this many times.</summary>
    public const int MaximumDoublings = 7;

    // For the time that services take, threads get this many times as much. An equal share would be too little: reading the input costs
    // time as well, and less than half of the processor would remain for everything else.
    private const ulong ShareOfThreads = 3;

    // 0 if there is no pause and the port is unmasked.
    private static ulong s_nextRun;
    private static ulong s_intervalEnd;
    private static uint s_events;

    // Nanoseconds spent on services in this interval.
    private static ulong s_spent;
    private static uint s_idleEvents;

    /// <summary>When the pause ends, or <see cref="ulong.MaxValue"/> if there is none.</summary>
    public static ulong NextRun => s_nextRun == 0 ? ulong.MaxValue : s_nextRun;

    /// <summary>Handles the console's event.</summary>
    public static void OnEvent()
    {
        BeginInterval();
        s_events++;
        s_idleEvents = ConsoleDevice.TakeProgress() ? 0 : s_idleEvents + 1;
        ulong pause = 0;
        if (s_idleEvents > FreeIdleEvents)
        {
            s_idleEvents = Math.Min(s_idleEvents, FreeIdleEvents + 1 + MaximumDoublings);
            pause = Interval << (int)(s_idleEvents - FreeIdleEvents - 1);
        }
        else if (s_events > EventsPerInterval)
        {
            pause = Interval;
        }

        Run(pause);
    }

    /// <summary>Checks for input and for room for output, and wakes the threads that wait for either.</summary>
    /// <param name="pause">
    /// The minimum number of nanoseconds until the next service. The pause is longer if this service, or those of this interval, took long.
    /// </param>
    public static void Run(ulong pause = 0)
    {
        s_nextRun = 0;
        ulong start = Clock.Now();
        bool isAll = ConsoleDevice.Service();
        SendSignals();
        WaitQueue.WakeAll(ConsoleDevice.Waiters);
        ulong end = Clock.Now();
        s_spent += end - start;
        if (!isAll || s_spent > Interval / (1 + ShareOfThreads))
        {
            // Applies however slow the services are.
            pause = Math.Max(pause, Math.Max(Interval, ShareOfThreads * s_spent));
        }

        if (pause != 0)
        {
            Pause(end + pause);
        }
    }

    /// <summary>Services the console if its pause is over.</summary>
    public static void RunIfDue(ulong now)
    {
        if (now < NextRun)
        {
            return;
        }

        BeginInterval();
        Run();
        if (s_nextRun == 0 && PvConsole.IsUsable)
        {
            EventChannels.Unmask(PvConsole.Port);
        }
    }

    private static void SendSignals()
    {
        uint signals = ConsoleDevice.TakeSignals();
        for (int signal = 1; signals != 0 && signal < 32; signal++)
        {
            if ((signals & (uint)SignalNumber.Bit(signal)) != 0)
            {
                SignalDelivery.SendToProcess(signal);
            }
        }
    }

    private static void BeginInterval()
    {
        ulong now = Clock.Now();
        if (now >= s_intervalEnd)
        {
            s_intervalEnd = now + Interval;
            s_events = 0;
            s_spent = 0;
        }
    }

    private static void Pause(ulong until)
    {
        s_nextRun = until;
        if (PvConsole.IsUsable)
        {
            EventChannels.Mask(PvConsole.Port);
        }
    }
}
