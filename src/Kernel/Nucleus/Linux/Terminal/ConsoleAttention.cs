using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.Terminal;

/// <summary>
/// When the nucleus looks at the console: at each event, as long as its back end is sparing with them. The back end runs on another
/// processor and can write and signal without end, so a look takes a ring's worth of input at most, and what comes too fast, or signals and
/// brings nothing, or has taken a quarter of the time, waits for the scheduler with the port masked. Threads run in between.
/// </summary>
internal static unsafe class ConsoleAttention
{
    /// <summary>Nanoseconds of the shortest pause.</summary>
    public const ulong Moment = 1_000_000;

    /// <summary>Events answered at once within a moment.</summary>
    public const uint EventsPerMoment = 16;

    /// <summary>Events in a row that may bring nothing: one that was overtaken by an earlier look is no misdeed.</summary>
    public const uint FreeIdleEvents = 8;

    /// <summary>The longest pause is a moment doubled so often.</summary>
    public const int MostDoublings = 7;

    // Of the time that looks take, so much more is the threads'. Not as much: whoever reads the input costs time as well, and what else the
    // guest does would be left less than half of the processor.
    private const ulong ShareOfThreads = 3;

    // 0: no pause, the port is unmasked.
    private static ulong s_nextLook;
    private static ulong s_momentEnd;
    private static uint s_events;

    // Nanoseconds of looks in this moment.
    private static ulong s_spent;
    private static uint s_idleEvents;

    /// <summary>When the pause ends; <see cref="ulong.MaxValue"/> when there is none.</summary>
    public static ulong NextLook => s_nextLook == 0 ? ulong.MaxValue : s_nextLook;

    /// <summary>The console has signalled.</summary>
    public static void OnEvent()
    {
        BeginMoment();
        s_events++;
        s_idleEvents = ConsoleDevice.TakeNews() ? 0 : s_idleEvents + 1;
        ulong pause = 0;
        if (s_idleEvents > FreeIdleEvents)
        {
            s_idleEvents = Math.Min(s_idleEvents, FreeIdleEvents + 1 + MostDoublings);
            pause = Moment << (int)(s_idleEvents - FreeIdleEvents - 1);
        }
        else if (s_events > EventsPerMoment)
        {
            pause = Moment;
        }

        Look(pause);
    }

    /// <summary>Looks for input and for room for output, and wakes who waits for either.</summary>
    /// <param name="pause">Nanoseconds until the next look, at least; longer where this one, or those of this moment, took long.</param>
    public static void Look(ulong pause = 0)
    {
        s_nextLook = 0;
        ulong start = Clock.Now();
        bool isAll = ConsoleDevice.Service();
        SendSignals();
        WaitQueue.WakeAll(ConsoleDevice.Waiters);
        ulong end = Clock.Now();
        s_spent += end - start;
        if (!isAll || s_spent > Moment / (1 + ShareOfThreads))
        {
            // However slow the looks are.
            pause = Math.Max(pause, Math.Max(Moment, ShareOfThreads * s_spent));
        }

        if (pause != 0)
        {
            Pause(end + pause);
        }
    }

    /// <summary>Looks again when the pause is over.</summary>
    public static void LookIfDue(ulong now)
    {
        if (now < NextLook)
        {
            return;
        }

        BeginMoment();
        Look();
        if (s_nextLook == 0 && PvConsole.IsUsable)
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

    private static void BeginMoment()
    {
        ulong now = Clock.Now();
        if (now >= s_momentEnd)
        {
            s_momentEnd = now + Moment;
            s_events = 0;
            s_spent = 0;
        }
    }

    private static void Pause(ulong until)
    {
        s_nextLook = until;
        if (PvConsole.IsUsable)
        {
            EventChannels.Mask(PvConsole.Port);
        }
    }
}
