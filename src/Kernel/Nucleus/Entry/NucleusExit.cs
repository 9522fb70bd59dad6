using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Linux.Terminal;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;
using Timer = Xenlet.Kernel.Nucleus.Platform.Timer;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>The return to a thread from a trap or a system call.</summary>
internal static unsafe class NucleusExit
{
    /// <summary>
    /// Handles events that arrived meanwhile, retries the calls that waited for them, wakes threads that are due, chooses the next thread,
    /// delivers its signals and arms the timer. After most calls there is nothing of all that to do; what finds that out is inlined.
    /// </summary>
    /// <returns>The registers to resume.</returns>
    public static Frame* Leave()
    {
        if (!EventChannels.UpcallIsRaised && Scheduler.CurrentJustContinues(ConsoleService.NextRun)
            && !SignalDelivery.HasDeliverable(Scheduler.Current))
        {
            return &Scheduler.Current->Frame;
        }

        Interrupts.HandlePending();

        // The timer is armed for the earliest deadline. Nothing is due before it fires, and reading the clock would take most of the time
        // of a call whose thread continues.
        bool isSomethingDue = Timer.TakeFired();
        ulong now = 0;
        if (isSomethingDue)
        {
            now = Clock.Now();
            ConsoleService.RunIfDue(now);
        }

        SystemCallDispatch.RetryCalls();
        if (isSomethingDue || !Scheduler.CurrentContinues)
        {
            Scheduler.Choose(isSomethingDue ? now : Clock.Now());
        }

        if (!Scheduler.IsIdle)
        {
            SignalDelivery.DeliverPending(Scheduler.Current);
        }

        return Scheduler.Resume(ConsoleService.NextRun);
    }
}
