using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Signals;

/// <summary>
/// A wish from outside that the program end: SIGTERM. Where the program has no handler for it, or its handlers let it pass, a thread of the
/// managed face ends the program in .NET's way instead of the nucleus at once.
/// </summary>
internal static unsafe class Termination
{
    private static WaitQueue s_waiter;

    // A managed thread waits for the signal, or is on its way here.
    private static bool s_isExpected;
    private static bool s_isHandedOver;

    /// <summary>Whether the guest is started again when the program has ended.</summary>
    public static bool ThenReboot { get; private set; }

    /// <summary>Asks the program to end. The last of several wishes decides what comes after it.</summary>
    public static void Request(bool thenReboot)
    {
        ThenReboot = thenReboot;
        s_isExpected = true;
        SignalDelivery.SendToProcess(SignalNumber.SIGTERM);
    }

    /// <summary>The default action of SIGTERM is due: gives it to the thread that waits for it.</summary>
    /// <returns>False when nobody does: the nucleus ends the program itself.</returns>
    public static bool TryHandOver()
    {
        if (!s_isExpected)
        {
            return false;
        }

        // Once more while the program is ending changes nothing.
        s_isHandedOver = true;
        if (Waiter->First != null)
        {
            Scheduler.Wake(Waiter->First->Thread, 0, urgent: true);
        }

        return true;
    }

    /// <summary>Waits until the program is to end by the default action of SIGTERM.</summary>
    /// <returns>0; -EAGAIN when another thread waits.</returns>
    public static long Wait()
    {
        s_isExpected = true;
        if (s_isHandedOver)
        {
            return 0;
        }

        if (Waiter->First != null)
        {
            return -Errno.EAGAIN;
        }

        Thread* thread = Scheduler.Current;
        WaitQueue.Join(Waiter, thread);
        Scheduler.Block(thread, WaitKind.Termination, ulong.MaxValue, WaitEnd.Restartable);
        return CallResult.None;
    }

    private static WaitQueue* Waiter => (WaitQueue*)Unsafe.AsPointer(ref s_waiter);
}
