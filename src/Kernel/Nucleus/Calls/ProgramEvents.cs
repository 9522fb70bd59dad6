using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>
/// Event channels that belong to the program. The nucleus masks a port when it is signalled and remembers it. One dispatcher thread of the
/// program takes signalled ports, and a port is unmasked only when its owner is ready for the next event (XSA-391). A peer that signals
/// without end thus costs one interrupt per event that the owner asked for.
/// </summary>
internal static unsafe class ProgramEvents
{
    private const uint WordCount = EventChannels.EVTCHN_2L_NR_CHANNELS / 64;

    private static Bitmap s_pending;
    private static Bitmap s_owned;
    private static Bitmap s_adopted;

    // Ports whose events the network stack takes, and those of them that were signalled.
    private static Bitmap s_watched;
    private static Bitmap s_watchedPending;
    private static int s_watchedPendingCount;

    private static WaitQueue s_waiter;

    // Where the search for a signalled port begins, so that a busy low-numbered port does not starve others.
    private static uint s_next;

    /// <summary>Gives a port to the program. It is masked until <see cref="Unmask"/>.</summary>
    /// <param name="port">A port that belongs neither to the nucleus nor to the program.</param>
    /// <param name="adopted">True for a port that the program did not create. It stays open when the program releases it.</param>
    public static void Own(uint port, bool adopted)
    {
        EventChannels.Mask(port);
        Clear(ref s_pending, port);
        Set(ref s_owned, port);
        if (adopted)
        {
            Set(ref s_adopted, port);
        }
    }

    /// <summary>Whether a watched port was signalled.</summary>
    public static bool IsWatchedPending => s_watchedPendingCount > 0;

    /// <summary>Gives the events of a port of the program to the network stack, also one that was not taken yet.</summary>
    public static void Watch(uint port)
    {
        Set(ref s_watched, port);
        if (IsSet(ref s_pending, port))
        {
            Clear(ref s_pending, port);
            SignalStack(port);
        }
    }

    /// <summary>Takes a watched port that was signalled, and returns its handle; -EAGAIN if there is none.</summary>
    public static long TakeWatched()
    {
        for (uint first = 0; s_watchedPendingCount > 0 && first < EventChannels.EVTCHN_2L_NR_CHANNELS; first += 64)
        {
            ulong bits = Word(ref s_watchedPending, first);
            for (uint port = first; bits != 0; port++, bits >>= 1)
            {
                if ((bits & 1) != 0)
                {
                    Unsignal(port);
                    return DomainGeneration.Handle(port);
                }
            }
        }

        return -Errno.EAGAIN;
    }

    /// <summary>Whether the port belongs to the program.</summary>
    public static bool IsOwned(ulong port) => port < EventChannels.EVTCHN_2L_NR_CHANNELS && IsSet(ref s_owned, (uint)port);

    /// <summary>Whether a port of the program was adopted.</summary>
    public static bool IsAdopted(uint port) => IsSet(ref s_adopted, port);

    /// <summary>Takes a port from the program: masks it, and drops an event that was not taken.</summary>
    public static void Disown(uint port)
    {
        EventChannels.Mask(port);
        Clear(ref s_pending, port);
        Clear(ref s_owned, port);
        Clear(ref s_adopted, port);
        Clear(ref s_watched, port);
        Unsignal(port);
    }

    /// <summary>
    /// After a resume: all ports are closed, and earlier events on them mean nothing any more. A waiting thread keeps waiting.
    /// </summary>
    public static void ForgetAll()
    {
        for (uint port = 0; port < EventChannels.EVTCHN_2L_NR_CHANNELS; port += 64)
        {
            Word(ref s_pending, port) = 0;
            Word(ref s_owned, port) = 0;
            Word(ref s_adopted, port) = 0;
            Word(ref s_watched, port) = 0;
            Word(ref s_watchedPending, port) = 0;
        }

        s_watchedPendingCount = 0;
    }

    /// <summary>Enables the port's next event. An event that arrived in the meantime is delivered at once.</summary>
    public static void Unmask(uint port) => EventChannels.Unmask(port);

    /// <summary>Handles an event on a port that is not the nucleus's.</summary>
    public static void Deliver(uint port)
    {
        EventChannels.Mask(port);
        if (!IsOwned(port))
        {
            return;
        }

        if (IsSet(ref s_watched, port))
        {
            SignalStack(port);
            return;
        }

        Set(ref s_pending, port);
        if (Waiter->First != null)
        {
            Scheduler.Wake(Waiter->First->Thread, Take(), urgent: true);
        }
    }

    /// <summary>Takes a signalled port, or blocks the calling thread until there is one.</summary>
    /// <returns>The port's handle, or -EAGAIN if another thread waits.</returns>
    public static long Wait()
    {
        long port = Take();
        if (port >= 0)
        {
            return port;
        }

        if (Waiter->First != null)
        {
            return -Errno.EAGAIN;
        }

        Thread* thread = Scheduler.Current;
        WaitQueue.Join(Waiter, thread);
        Scheduler.Block(thread, WaitKind.EventChannel, ulong.MaxValue, WaitEnd.Restartable);
        return CallResult.None;
    }

    private static WaitQueue* Waiter => (WaitQueue*)Unsafe.AsPointer(ref s_waiter);

    private static long Take()
    {
        // The first word is searched twice: its ports below the start come last.
        for (uint i = 0; i <= WordCount; i++)
        {
            uint first = (s_next / 64 + i) % WordCount * 64;
            ulong bits = Word(ref s_pending, first);
            if (i == 0)
            {
                bits &= ulong.MaxValue << (int)(s_next % 64);
            }

            if (bits != 0)
            {
                uint port = first;
                while ((bits & 1) == 0)
                {
                    bits >>= 1;
                    port++;
                }

                Clear(ref s_pending, port);
                s_next = (port + 1) % EventChannels.EVTCHN_2L_NR_CHANNELS;
                return DomainGeneration.Handle(port);
            }
        }

        return -Errno.EAGAIN;
    }

    private static void SignalStack(uint port)
    {
        if (!IsSet(ref s_watchedPending, port))
        {
            Set(ref s_watchedPending, port);
            s_watchedPendingCount++;
        }

        StackRequests.Wake();
    }

    private static void Unsignal(uint port)
    {
        if (IsSet(ref s_watchedPending, port))
        {
            Clear(ref s_watchedPending, port);
            s_watchedPendingCount--;
        }
    }

    private static bool IsSet(ref Bitmap map, uint port) => (Word(ref map, port) & Bit(port)) != 0;

    private static void Set(ref Bitmap map, uint port) => Word(ref map, port) |= Bit(port);

    private static void Clear(ref Bitmap map, uint port) => Word(ref map, port) &= ~Bit(port);

    private static ulong Bit(uint port) => 1UL << (int)(port % 64);

    private static ref ulong Word(ref Bitmap map, uint port) => ref *((ulong*)Unsafe.AsPointer(ref map) + port / 64);

    [InlineArray((int)WordCount)]
    private struct Bitmap
    {
        private ulong _first;
    }
}
