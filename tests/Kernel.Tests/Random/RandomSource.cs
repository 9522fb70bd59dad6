
namespace Xenlet.Kernel.Tests;

/// <summary>A processor's random numbers, the same at every run of a test.</summary>
internal static class RandomSource
{
    /// <summary>Says what the processor has: CPUID function 1 ecx bit 30 is RDRAND, function 7 ebx bit 18 is RDSEED.</summary>
    public static void Describe(bool hasRandom, bool hasSeed)
    {
        uint[] first = Machine.CpuidLeaves.GetValueOrDefault((0u, 0u)) ?? new uint[4];
        Machine.CpuidLeaves[(0, 0)] = [Math.Max(first[0], 7), .. first[1..]];
        Machine.CpuidLeaves[(1, 0)] = [0, 0, hasRandom ? 1u << 30 : 0, 0];
        Machine.CpuidLeaves[(7, 0)] = [0, hasSeed ? 1u << 18 : 0, 0, 0];
    }

    /// <summary>A sequence without repetition: SplitMix64.</summary>
    public static Func<ulong?> Sequence(ulong start)
    {
        ulong state = start;
        return () =>
        {
            ulong z = state += 0x9e37_79b9_7f4a_7c15;
            z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
            z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
            return z ^ (z >> 31);
        };
    }

    /// <summary>The first numbers of a sequence, then others.</summary>
    public static Func<ulong?> Then(this Func<ulong?> first, int count, Func<ulong?> then) => () => count-- > 0 ? first() : then();
}
