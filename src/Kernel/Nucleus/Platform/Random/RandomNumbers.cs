using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Random;

/// <summary>
/// The guest's random numbers: ChaCha20 under a key that each request replaces (fast key erasure, as Linux's random.c does it), so that
/// what was given out cannot be found
/// from what is in memory later. The key is mixed from the processor's random numbers and from what else no two guests have in common.
/// </summary>
internal static unsafe class RandomNumbers
{
    /// <summary>The key is renewed with the first request after this many nanoseconds, as Linux does.</summary>
    private const ulong ReseedInterval = 60_000_000_000;

    // Twice the key's size: what the processor gives may have less entropy than bits.
    private const int SeedParts = 2;

    // Readings of the time-stamp counter that make a seed where the processor gives none. Each comes after a mixing of about a
    // microsecond, and a quarter of a bit of
    // chance in each is enough.
    private const int JitterReadings = 1024;

    private const int PartWords = 4;

    // Nonces: blocks that are given out, and blocks that become the next key while something is mixed in.
    private const uint ForOutput = 0;
    private const uint ForMixing = 1;

    private static ChaChaKey s_key;
    private static ulong s_seededAt;
    private static bool s_hasSaidJitter;

    private static uint* Key => (uint*)Unsafe.AsPointer(ref s_key);

    /// <summary>
    /// Seeds the generator, at boot and after a resume: another domain may have been resumed from the same memory, with the same key.
    /// What was mixed in before stays
    /// in.
    /// </summary>
    public static void Seed()
    {
        ProcessorRandom.Detect();
        ulong* part = stackalloc ulong[PartWords];
        part[0] = Clock.RealTime();
        part[1] = Clock.Now();
        part[2] = BootStages.Started;
        part[3] = Machine.ReadTsc();
        Mix(part);
        if (XenPlatform.IsPresent)
        {
            // All zeros when Xen does not say it.
            part[0] = 0;
            part[1] = 0;
            _ = XenVersion.GuestHandle((byte*)part);
            part[2] = HypervisorCpuid.DomainId;
            part[3] = DomainGeneration.Current;
            Mix(part);
        }

        MixSeed();
    }

    /// <summary>Fills memory with random bytes.</summary>
    /// <param name="buffer">Memory that is present.</param>
    /// <param name="count">Bytes, less than 2^38.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fill(byte* buffer, ulong count)
    {
        if (Clock.Now() - s_seededAt >= ReseedInterval)
        {
            MixSeed();
        }

        // Half of a block is the next key, the other the key of this request, which is forgotten at its end.
        uint* block = stackalloc uint[ChaCha20.BlockWords];
        uint* own = stackalloc uint[ChaCha20.KeyWords];
        ChaCha20.Block(Key, 0, ForOutput, 0, 0, block);
        Copy(Key, block);
        Copy(own, block + ChaCha20.KeyWords);
        uint number = 0;
        for (ulong done = 0; done < count;)
        {
            ulong part = Math.Min(count - done, ChaCha20.BlockSize);
            ChaCha20.Block(own, number++, ForOutput, 0, 0, block);
            Machine.Copy(buffer + done, block, (nuint)part);
            done += part;
        }

        Machine.Fill(block, 0, (nuint)ChaCha20.BlockSize);
        Machine.Fill(own, 0, ChaCha20.KeyWords * sizeof(uint));
    }

    /// <summary>A random number of 64 bits.</summary>
    public static ulong Next()
    {
        ulong number;
        Fill((byte*)&number, sizeof(ulong));
        return number;
    }

    private static void MixSeed()
    {
        ulong* part = stackalloc ulong[PartWords];
        bool isWhole = true;
        for (int i = 0; i < SeedParts; i++)
        {
            for (int word = 0; word < PartWords; word++)
            {
                if (!ProcessorRandom.TryDraw(part + word))
                {
                    part[word] = Machine.ReadTsc();
                    isWhole = false;
                }
            }

            Mix(part);
        }

        if (!isWhole)
        {
            MixJitter(part);
        }

        Machine.Fill(part, 0, PartWords * sizeof(ulong));
        s_seededAt = Clock.Now();
    }

    private static void MixJitter(ulong* part)
    {
        if (!ProcessorRandom.IsAvailable && !s_hasSaidJitter)
        {
            s_hasSaidJitter = true;
            KernelLog.Write("xenlet: WARNING: the processor has neither RDRAND nor RDSEED in order: "u8);
            KernelLog.Write("random numbers come from the jitter of its clock\n"u8);
        }

        for (int i = 0; i < JitterReadings; i++)
        {
            part[0] = Machine.ReadTsc();
            Mix(part);
        }
    }

    /// <summary>
    /// Makes the key depend on four more words: they are added to it, and the sum is the key of a block whose first half is the next key.
    /// What is unknown in either stays
    /// unknown, whatever the other is.
    /// </summary>
    private static void Mix(ulong* part)
    {
        uint* block = stackalloc uint[ChaCha20.BlockWords];
        for (int i = 0; i < ChaCha20.KeyWords; i++)
        {
            Key[i] ^= ((uint*)part)[i];
        }

        ChaCha20.Block(Key, 0, ForMixing, 0, 0, block);
        Copy(Key, block);
        Machine.Fill(block, 0, (nuint)ChaCha20.BlockSize);
    }

    private static void Copy(uint* target, uint* source) => Machine.Copy(target, source, ChaCha20.KeyWords * sizeof(uint));

    [InlineArray(ChaCha20.KeyWords)]
    private struct ChaChaKey
    {
        private uint _first;
    }
}
