using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Platform.Random;

/// <summary>
/// The processor's random numbers from RDSEED and RDRAND, used as long as they pass health tests. On some processors RDRAND returns all
/// ones forever after a suspend.
/// </summary>
/// <remarks>
/// The health tests are those of NIST SP 800-90B, section 4.4, for samples of 64 bits: no two samples in a row are equal (repetition
/// count), and none equals the first of a window (adaptive proportion). A healthy source fails once in 2^63 samples.
/// </remarks>
internal static unsafe class ProcessorRandom
{
    private const uint Window = 64;

    // CPUID bits (AMD64 Architecture Programmer's Manual volume 3, appendix E.3).
    private const uint RdrandInEcxOf1 = 1u << 30;
    private const uint RdseedInEbxOf7 = 1u << 18;

    private static Source s_seed;
    private static Source s_random;

    /// <summary>Whether a source exists that has passed all tests so far.</summary>
    public static bool IsAvailable => s_seed.IsTrusted || s_random.IsTrusted;

    /// <summary>Detects both sources and tests a window of each. Repeat it after a resume, which may be on another processor.</summary>
    public static void Detect()
    {
        uint* leaf = stackalloc uint[4];
        Machine.Cpuid(0, 0, leaf);
        uint last = leaf[0];
        Machine.Cpuid(1, 0, leaf);
        s_random = new Source { IsTrusted = (leaf[2] & RdrandInEcxOf1) != 0 };
        leaf[1] = 0;
        if (last >= 7)
        {
            Machine.Cpuid(7, 0, leaf);
        }

        s_seed = new Source { IsTrusted = (leaf[1] & RdseedInEbxOf7) != 0 };
        ulong number;
        for (uint i = 0; i < Window; i++)
        {
            _ = TryDraw(ref s_seed, isSeed: true, &number);
            _ = TryDraw(ref s_random, isSeed: false, &number);
        }
    }

    /// <summary>
    /// Draws a number from RDSEED, or from RDRAND if RDSEED is missing, exhausted or not trusted. Returns false if neither has one.
    /// </summary>
    public static bool TryDraw(ulong* number) =>
        TryDraw(ref s_seed, isSeed: true, number) || TryDraw(ref s_random, isSeed: false, number);

    private static bool TryDraw(ref Source source, bool isSeed, ulong* number)
    {
        if (!source.IsTrusted || (isSeed ? Machine.RandomSeed(number) : Machine.Random(number)) == 0)
        {
            return false;
        }

        if (source.Drawn > 0 && (*number == source.Last || *number == source.First))
        {
            source.IsTrusted = false;
            KernelLog.Write("xenlet: WARNING: "u8);
            KernelLog.Write(isSeed ? "RDSEED"u8 : "RDRAND"u8);
            KernelLog.Write(" gives the same numbers again: it is not used\n"u8);
            return false;
        }

        if (source.Drawn++ % Window == 0)
        {
            source.First = *number;
        }

        source.Last = *number;
        return true;
    }

    private struct Source
    {
        public bool IsTrusted;
        public uint Drawn;
        public ulong First;
        public ulong Last;
    }
}
