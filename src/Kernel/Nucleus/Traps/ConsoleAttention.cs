namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// When the nucleus looks at the console: at each event, as long as its back end is sparing with them. The back end runs on another
/// processor and can write and signal without end, so a look takes a ring's worth of input at most, and what comes too fast, or signals and
/// brings nothing, waits for the scheduler with the port masked. Threads run in between.
/// </summary>
internal static class ConsoleAttention
{
    /// <summary>Nanoseconds of the shortest pause.</summary>
    public const ulong Moment = 1_000_000;

    /// <summary>Events answered at once within a moment.</summary>
    public const uint EventsPerMoment = 16;

    /// <summary>Events in a row that may bring nothing: one that was overtaken by an earlier look is no misdeed.</summary>
    public const uint FreeIdleEvents = 8;

    /// <summary>The longest pause is a moment doubled so often.</summary>
    public const int MostDoublings = 7;

    // 0: no pause, the port is unmasked.
    private static ulong s_nextLook;
    private static ulong s_momentEnd;
    private static uint s_events;
    private static uint s_idleEvents;

    /// <summary>When the pause ends; <see cref="ulong.MaxValue"/> when there is none.</summary>
    public static ulong NextLook => s_nextLook == 0 ? ulong.MaxValue : s_nextLook;

    /// <summary>The console has signalled.</summary>
    public static void OnEvent()
    {
        ulong now = Clock.Now();
        if (now >= s_momentEnd)
        {
            s_momentEnd = now + Moment;
            s_events = 0;
        }

        s_events++;
        s_idleEvents = ConsoleDevice.TakeNews() ? 0 : s_idleEvents + 1;
        Look();
        if (s_idleEvents > FreeIdleEvents)
        {
            s_idleEvents = Math.Min(s_idleEvents, FreeIdleEvents + 1 + MostDoublings);
            Pause(now + (Moment << (int)(s_idleEvents - FreeIdleEvents - 1)));
        }
        else if (s_events > EventsPerMoment)
        {
            Pause(now + Moment);
        }
    }

    /// <summary>Looks for input and for room for output, and wakes who waits for either.</summary>
    public static void Look()
    {
        s_nextLook = 0;
        bool isAll = ConsoleDevice.Service();
        Files.WakeWaiters();
        if (!isAll)
        {
            Pause(Clock.After(Moment));
        }
    }

    /// <summary>Looks again when the pause is over.</summary>
    public static void LookIfDue(ulong now)
    {
        if (now < NextLook)
        {
            return;
        }

        Look();
        if (s_nextLook == 0 && PvConsole.IsUsable)
        {
            EventChannels.Unmask(PvConsole.Port);
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
