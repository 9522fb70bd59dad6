using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Random;

/// <summary>
/// The guest's random numbers: ChaCha20 under a key that each request replaces (fast key erasure, as in Linux's random.c), so that earlier
/// output cannot be computed from later memory contents. The key is mixed from the processor's random numbers and from values that differ
/// between guests.
/// </summary>
internal static unsafe class RandomNumbers
{
    /// <summary>The first request after this many nanoseconds renews the key, as in Linux.</summary>
    private const ulong ReseedInterval = 60_000_000_000;

    // Twice the key's size: the processor's numbers may have less entropy than bits.
    private const int SeedParts = 2;

    // The number of time-stamp counter readings that form a seed when the processor has no random numbers. Each follows a mixing step of
    // about a microsecond, and a quarter of a bit of entropy in each is enough.
    private const int JitterReadings = 1024;

    private const int PartWords = 4;

    // Nonces: for output blocks, and for blocks that become the next key when something is mixed in.
    private const uint ForOutput = 0;
    private const uint ForMixing = 1;

    private static ChaChaKey s_key;
    private static ulong s_seededAt;
    private static bool s_hasSaidJitter;

    private static uint* Key => (uint*)Unsafe.AsPointer(ref s_key);

    /// <summary>
    /// Seeds the generator, at boot and after a resume: another domain may have been resumed from the same memory, with the same key.
    /// Earlier inputs remain mixed in.
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
            // All zeros if Xen does not provide it.
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
    /// <param name="count">The number of bytes, less than 2^38.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fill(byte* buffer, ulong count)
    {
        if (Clock.Now() - s_seededAt >= ReseedInterval)
        {
            MixSeed();
        }

        // Half of a block is the next key. The other half is this request's key, which is erased at its end.
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

    /// <summary>Returns a random 64-bit number.</summary>
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
            KernelLog.Write("xenlet: WARNING: the processor has no working RDRAND or RDSEED: "u8);
            KernelLog.Write("random numbers come from the jitter of its clock\n"u8);
        }

        for (int i = 0; i < JitterReadings; i++)
        {
            part[0] = Machine.ReadTsc();
            Mix(part);
        }
    }

    /// <summary>
    /// Mixes four more words into the key: they are added to it, and the sum is the key of a block whose first half is the next key.
    /// Entropy in the old key or in the words is kept, whatever the other one is.
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
