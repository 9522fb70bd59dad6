using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Page tables of the last level that were found lately, by the 2 MiB that they map. Each system call with a buffer looks for its pages,
/// nearly always in the same few tables; walking down to them from the root each time was a twentieth of a message's time on the loopback.
/// </summary>
internal static class TableCache
{
    private const int Size = 64;

    private static Entries s_entries;

    /// <summary>The frame of an address's table; 0 if it is not known here.</summary>
    public static ulong Find(ulong address)
    {
        ulong number = NumberOf(address);
        ref Entry entry = ref s_entries[(int)(number % Size)];
        return entry.Number == number ? entry.Frame : 0;
    }

    /// <summary>Keeps the frame of an address's table, instead of another one.</summary>
    public static void Add(ulong address, ulong frame)
    {
        ulong number = NumberOf(address);
        ref Entry entry = ref s_entries[(int)(number % Size)];
        entry.Number = number;
        entry.Frame = frame;
    }

    /// <summary>The table of an address is freed.</summary>
    public static void Forget(ulong address)
    {
        ulong number = NumberOf(address);
        ref Entry entry = ref s_entries[(int)(number % Size)];
        if (entry.Number == number)
        {
            entry = default;
        }
    }

    /// <summary>There are other tables from now on.</summary>
    public static void Clear()
    {
        for (int i = 0; i < Size; i++)
        {
            s_entries[i] = default;
        }
    }

    // Not 0, which is an entry that is empty.
    private static ulong NumberOf(ulong address) => (address / Pages.LargeSize) + 1;

    private struct Entry
    {
        public ulong Number;
        public ulong Frame;
    }

    [InlineArray(Size)]
    private struct Entries
    {
        private Entry _first;
    }
}
