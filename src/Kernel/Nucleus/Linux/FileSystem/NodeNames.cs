using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>The names of nodes in /tmp, in slabs of four sizes.</summary>
internal static unsafe class NodeNames
{
    /// <summary>NAME_MAX of linux/limits.h: the bytes of the longest name.</summary>
    public const uint NAME_MAX = 255;

    private static Slab s_shortest;
    private static Slab s_short;
    private static Slab s_long;
    private static Slab s_longest;

    /// <summary>The bytes that a name of this length takes.</summary>
    public static int SizeOf(uint length) => length <= 32 ? 32 : length <= 64 ? 64 : length <= 128 ? 128 : 256;

    /// <summary>A copy of a name, or null if there is no memory for it.</summary>
    public static byte* TryCopy(byte* name, uint length)
    {
        int size = SizeOf(length);
        ref Slab slab = ref SlabOf(size);
        if (!slab.TryReserve(1, size))
        {
            return null;
        }

        byte* copy = (byte*)slab.Take(size);
        Machine.Copy(copy, name, length);
        return copy;
    }

    public static void Return(byte* name, uint length)
    {
        int size = SizeOf(length);
        SlabOf(size).Return(name, size, spare: 0);
    }

    private static ref Slab SlabOf(int size)
    {
        switch (size)
        {
            case 32:
                return ref s_shortest;
            case 64:
                return ref s_short;
            case 128:
                return ref s_long;
            default:
                return ref s_longest;
        }
    }
}
