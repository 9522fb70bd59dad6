using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Linux.Terminal;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>The return to a thread from a trap or a system call.</summary>
internal static unsafe class NucleusExit
{
    /// <summary>
    /// Handles events that arrived meanwhile, retries the calls that waited for them, wakes threads that are due, chooses the next thread,
    /// delivers its signals and arms the timer.
    /// </summary>
    /// <returns>The registers to resume.</returns>
    public static Frame* Leave()
    {
        Interrupts.HandlePending();
        ulong now = Clock.Now();
        ConsoleService.RunIfDue(now);
        SystemCallDispatch.RetryCalls();
        Scheduler.Choose(now);
        if (!Scheduler.IsIdle)
        {
            SignalDelivery.DeliverPending(Scheduler.Current);
        }

        return Scheduler.Resume(ConsoleService.NextRun);
    }
}
