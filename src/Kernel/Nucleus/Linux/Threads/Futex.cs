using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Time;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Threads;

/// <summary>futex(2): WAIT, WAKE and their BITSET forms, which are all that glibc's locks and the runtime use.</summary>
/// <remarks>Addresses need no translation: there is one address space, so the private and shared forms are the same.</remarks>
internal static unsafe class Futex
{
    // linux/futex.h
    private const int FUTEX_WAIT = 0;
    private const int FUTEX_WAKE = 1;
    private const int FUTEX_WAIT_BITSET = 9;
    private const int FUTEX_WAKE_BITSET = 10;
    private const int FUTEX_PRIVATE_FLAG = 128;
    private const int FUTEX_CLOCK_REALTIME = 256;
    private const uint FUTEX_BITSET_MATCH_ANY = 0xffff_ffff;

    private const int BucketCount = 64;

    private static Buckets s_buckets;

    /// <summary>Threads woken since boot.</summary>
    public static ulong WakeUps { get; private set; }

    public static long Call(ulong address, int operation, uint value, ulong timeout, uint bitset)
    {
        if ((address & 3) != 0)
        {
            return -Errno.EINVAL;
        }

        int command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
        switch (command)
        {
            case FUTEX_WAIT:
                return Wait(address, value, timeout, FUTEX_BITSET_MATCH_ANY, relative: true, realTime: false);
            case FUTEX_WAIT_BITSET:
                return Wait(address, value, timeout, bitset, relative: false, (operation & FUTEX_CLOCK_REALTIME) != 0);
            case FUTEX_WAKE:
                return Wake(address, (int)value, FUTEX_BITSET_MATCH_ANY);
            case FUTEX_WAKE_BITSET:
                return Wake(address, (int)value, bitset);
            default:
                return -Errno.ENOSYS;
        }
    }

    /// <summary>
    /// Wakes up to <paramref name="count"/> threads, longest waiter first, and returns their number.
    /// </summary>
    public static long Wake(ulong address, int count, uint bitset)
    {
        if (bitset == 0)
        {
            return -Errno.EINVAL;
        }

        long woken = 0;
        for (WaitEntry* entry = Bucket(address)->First; entry != null && woken < count;)
        {
            WaitEntry* next = entry->Next;
            if (entry->Key == address && (entry->Bits & bitset) != 0)
            {
                Scheduler.Wake(entry->Thread, 0, urgent: false);
                woken++;
                WakeUps++;
            }

            entry = next;
        }

        return woken;
    }

    private static long Wait(ulong address, uint expected, ulong timeout, uint bitset, bool relative, bool realTime)
    {
        if (bitset == 0)
        {
            return -Errno.EINVAL;
        }

        long error;
        ulong deadline = ulong.MaxValue;
        if (timeout != 0)
        {
            error = TimeSpec.Read(timeout, out ulong nanoseconds);
            if (error != 0)
            {
                return error;
            }

            deadline = relative ? Clock.After(nanoseconds) : realTime ? Clock.FromRealTime(nanoseconds) : nanoseconds;
        }

        error = ProgramMemory.PrepareRead(address, sizeof(uint));
        if (error < 0)
        {
            return error;
        }

        // Nothing else runs between this check and the blocking, which is exactly what a futex guarantees.
        if (*(uint*)address != expected)
        {
            return -Errno.EAGAIN;
        }

        Thread* thread = Scheduler.Current;
        WaitEntry* entry = WaitQueue.Join(Bucket(address), thread);
        entry->Key = address;
        entry->Bits = bitset;
        Scheduler.Block(
            thread,
            WaitKind.Futex,
            deadline,
            new WaitEnd { AtDeadline = -Errno.ETIMEDOUT, OnSignal = -Errno.EINTR, RestartsAfterSignal = timeout == 0 });
        return CallResult.None;
    }

    private static WaitQueue* Bucket(ulong address)
    {
        ulong hash = (address >> 2) * 0x9e37_79b9_7f4a_7c15;
        return (WaitQueue*)Unsafe.AsPointer(ref s_buckets) + (int)(hash >> 58);
    }

    [InlineArray(BucketCount)]
    private struct Buckets
    {
        private WaitQueue _first;
    }
}
