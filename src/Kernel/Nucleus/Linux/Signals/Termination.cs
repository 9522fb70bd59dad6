using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Signals;

/// <summary>
/// SIGTERM: a request from outside that the program end. If the program has no handler for it, or its handlers do not act on it, a managed
/// thread of the kernel ends the program in .NET's way, instead of the nucleus ending it at once.
/// </summary>
internal static unsafe class Termination
{
    private static WaitQueue s_waiter;

    // A managed thread waits for the signal, or is about to.
    private static bool s_isExpected;
    private static bool s_isHandedOver;

    /// <summary>Whether the guest reboots once the program has ended.</summary>
    public static bool ThenReboot { get; private set; }

    /// <summary>Requests that the program end. The last of several requests decides what follows.</summary>
    public static void Request(bool thenReboot)
    {
        ThenReboot = thenReboot;
        s_isExpected = true;
        SignalDelivery.SendToProcess(SignalNumber.SIGTERM);
    }

    /// <summary>Hands SIGTERM's default action to the thread that waits for it.</summary>
    /// <returns>False if no thread does: the nucleus then ends the program itself.</returns>
    public static bool TryHandOver()
    {
        if (!s_isExpected)
        {
            return false;
        }

        // Repeating it while the program is ending has no effect.
        s_isHandedOver = true;
        if (Waiter->First != null)
        {
            Scheduler.Wake(Waiter->First->Thread, 0, urgent: true);
        }

        return true;
    }

    /// <summary>Waits until SIGTERM's default action must end the program.</summary>
    /// <returns>0, or -EAGAIN if another thread waits.</returns>
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
