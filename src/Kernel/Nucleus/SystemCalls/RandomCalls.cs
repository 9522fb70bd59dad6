namespace Xenlet.Kernel.Nucleus;

/// <summary>getrandom and /dev/urandom: the processor's random numbers, unconditionally.</summary>
internal static unsafe class RandomCalls
{
    private static bool s_useSeed;
    private static bool s_available;

    /// <summary>Whether the processor has RDRAND or RDSEED.</summary>
    public static bool IsAvailable => s_available;

    /// <summary>Looks for the processor's generator. Without one the guest says so loudly: what it cannot have it does not fake.</summary>
    public static void Initialise()
    {
        uint* leaf = stackalloc uint[4];
        Machine.Cpuid(1, 0, leaf);
        bool hasRandom = (leaf[2] & 1u << 30) != 0;
        Machine.Cpuid(0, 0, leaf);
        uint last = leaf[0];
        if (last >= 7)
        {
            Machine.Cpuid(7, 0, leaf);
            s_useSeed = !hasRandom && (leaf[1] & 1u << 18) != 0;
        }

        s_available = hasRandom || s_useSeed;
        if (!s_available)
        {
            KernelLog.Write("xenlet: WARNING: the processor has neither RDRAND nor RDSEED: secure random numbers fail with ENOSYS\n"u8);
        }
    }

    public static long Get(ulong address, ulong count)
    {
        // As Linux: one call gives at most this much.
        count = Math.Min(count, 32 << 20);
        long error = ProgramMemory.PrepareWrite(address, count);
        return error < 0 ? error : Fill((byte*)address, count) ? (long)count : -Errno.ENOSYS;
    }

    /// <summary>Fills a buffer that is present; false when the processor gives no numbers.</summary>
    public static bool Fill(byte* buffer, ulong count)
    {
        for (ulong done = 0; done < count;)
        {
            ulong number;
            if (!s_available || (s_useSeed ? Machine.RandomSeed(&number) : Machine.Random(&number)) == 0)
            {
                return false;
            }

            ulong part = Math.Min(count - done, 8);
            Machine.Copy(buffer + done, &number, (nuint)part);
            done += part;
        }

        return true;
    }
}
