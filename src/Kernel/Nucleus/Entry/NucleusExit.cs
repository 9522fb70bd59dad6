using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Linux.Terminal;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Timer = Xenlet.Kernel.Nucleus.Platform.Timer;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>The way back to a thread, from a trap or a system call.</summary>
internal static unsafe class NucleusExit
{
    /// <summary>
    /// Answers what was signalled meanwhile, makes calls again that waited for it, wakes what is due, chooses the next thread, delivers its
    /// signals, arms the timer.
    /// </summary>
    /// <returns>The registers to resume.</returns>
    public static Frame* Leave()
    {
        Interrupts.HandlePending();

        // The timer is armed for all that has a time. Before it goes off nothing is due, and to read the clock would be most of the time
        // of a call that lets its thread go on.
        bool isSomethingDue = Timer.TakeFired();
        ulong now = 0;
        if (isSomethingDue)
        {
            now = Clock.Now();
            ConsoleAttention.LookIfDue(now);
        }

        SystemCallDispatch.MakeCallsAgain();
        if (isSomethingDue || !Scheduler.CurrentGoesOn)
        {
            Scheduler.Choose(isSomethingDue ? now : Clock.Now());
        }

        if (!Scheduler.IsIdle)
        {
            SignalDelivery.DeliverPending(Scheduler.Current);
        }

        return Scheduler.Resume(ConsoleAttention.NextLook);
    }
}
