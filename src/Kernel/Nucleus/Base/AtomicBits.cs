using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Changes bits in memory that the hypervisor may change at the same time. It uses compare-and-exchange, which the compiler always emits as
/// an instruction; <c>Interlocked.Or</c> and <c>And</c> may become calls.
/// </summary>
internal static unsafe class AtomicBits
{
    /// <summary>
    /// Sets the bits of <paramref name="bits"/> and returns the word's previous value.
    /// </summary>
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

    /// <summary>
    /// Clears the bits of <paramref name="bits"/> and returns the word's previous value.
    /// </summary>
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
