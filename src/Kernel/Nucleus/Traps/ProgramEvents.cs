using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// Event channels that belong to the program. The nucleus masks a port when it is signalled and remembers it; one dispatcher thread
/// of the program takes the ports and unmasks each when its work is done, so a peer that signals without end costs one interrupt.
/// </summary>
internal static unsafe class ProgramEvents
{
    private static Bitmap s_pending;
    private static Thread* s_waiter;

    /// <summary>An event came on a port of the program.</summary>
    public static void Deliver(uint port)
    {
        EventChannels.Mask(port);
        Word(port) |= 1UL << (int)(port & 63);
        Thread* waiter = s_waiter;
        if (waiter != null)
        {
            s_waiter = null;
            Scheduler.Wake(waiter, Take(), urgent: true);
        }
    }

    /// <summary>Takes a signalled port, or parks the calling thread until there is one.</summary>
    public static long Wait()
    {
        long port = Take();
        if (port >= 0)
        {
            return port;
        }

        if (s_waiter != null && s_waiter->Wait == WaitKind.EventChannel)
        {
            return -Errno.EAGAIN;
        }

        s_waiter = Scheduler.Current;
        Scheduler.Block(WaitKind.EventChannel, ulong.MaxValue, restartable: true);
        return SystemCall.NoResult;
    }

    /// <summary>A waiting thread was woken by a signal.</summary>
    public static void Forget(Thread* thread)
    {
        if (s_waiter == thread)
        {
            s_waiter = null;
        }
    }

    /// <summary>Forgets a signal of a port that is being closed.</summary>
    public static void Drop(uint port) => Word(port) &= ~(1UL << (int)(port & 63));

    private static long Take()
    {
        for (uint word = 0; word < EventChannels.PortCount / 64; word++)
        {
            ulong bits = Word(word * 64);
            if (bits != 0)
            {
                uint port = word * 64;
                while ((bits & 1) == 0)
                {
                    bits >>= 1;
                    port++;
                }

                Drop(port);
                return port;
            }
        }

        return -Errno.EAGAIN;
    }

    private static ref ulong Word(uint port) => ref *((ulong*)Unsafe.AsPointer(ref s_pending) + port / 64);

    [InlineArray((int)EventChannels.PortCount / 64)]
    private struct Bitmap
    {
        private ulong _first;
    }
}
