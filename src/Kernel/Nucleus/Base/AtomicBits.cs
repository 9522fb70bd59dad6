using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Bits in memory that the hypervisor changes at the same time. Built on compare-and-exchange, which the compiler always turns into
/// the instruction; <c>Interlocked.Or</c> and <c>And</c> may be calls.
/// </summary>
internal static unsafe class AtomicBits
{
    /// <summary>Sets the bits of <paramref name="bits"/>; returns the word as it was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Set(ulong* word, ulong bits)
    {
        long* target = (long*)word;
        long seen = Volatile.Read(ref *target);
        for (; ; )
        {
            long previous = Interlocked.CompareExchange(ref *target, seen | (long)bits, seen);
            if (previous == seen)
            {
                return (ulong)seen;
            }

            seen = previous;
        }
    }

    /// <summary>Clears the bits of <paramref name="bits"/>; returns the word as it was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Clear(ulong* word, ulong bits)
    {
        long* target = (long*)word;
        long seen = Volatile.Read(ref *target);
        for (; ; )
        {
            long previous = Interlocked.CompareExchange(ref *target, seen & ~(long)bits, seen);
            if (previous == seen)
            {
                return (ulong)seen;
            }

            seen = previous;
        }
    }
}
