using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Tests;

/// <summary>
/// RAM and the memory management unit. RAM is a shared file mapped at <see cref="Base"/>, so a physical address is where the host finds
/// that memory, as on the nucleus's boot page tables. <c>INVLPG</c> makes the host map the page of RAM that the nucleus's page tables
/// name at the program's own address, with their rights: a program's pages are real memory, and an invalidation that is forgotten leaves
/// a stale page there, as a processor's TLB would.
/// </summary>
internal static unsafe partial class HostMemory
{
    /// <summary>Physical address of the RAM.</summary>
    public const ulong Base = 0x10_0000_0000;

    /// <summary>Bytes of RAM that a machine can have.</summary>
    public const ulong Size = 16 << 20;

    /// <summary>The byte that RAM is full of when a machine starts.</summary>
    public const byte Dirt = 0xa5;

    private const int ProtNone = 0;
    private const int ProtRead = 1;
    private const int ProtWrite = 2;
    private const int MapShared = 1;
    private const int MapFixed = 0x10;
    private const int MapFixedNoReplace = 0x100000;
    private const ulong AddressMask = 0x000f_ffff_ffff_f000;

    private static readonly Dictionary<ulong, (ulong Frame, int Protection)> HostTranslations = [];
    private static int s_file = -1;

    /// <summary>Forgets all translations and makes the first bytes of RAM dirty.</summary>
    public static void Reset(ulong size)
    {
        if (s_file < 0)
        {
            s_file = CreateFile("ram", 0);
            Assert.True(s_file >= 0 && SetSize(s_file, (long)Size) == 0, "no memory file");
            Map(Base, Size, ProtRead | ProtWrite, MapShared | MapFixedNoReplace, 0);
        }

        foreach (ulong page in HostTranslations.Keys)
        {
            Assert.Equal(0, Unmap(page, (nuint)Pages.Size));
        }

        HostTranslations.Clear();
        Assert.InRange(size, 0ul, Size);
        NativeMemory.Fill((void*)Base, (nuint)size, Dirt);
        Machine.OnInvalidatePage = Invalidate;
    }

    /// <summary>The entry that translates this address, from the tables and not from what the host has mapped; 0 for none.</summary>
    public static ulong Translate(ulong address)
    {
        ulong table = Machine.PageTableRoot;
        ulong rights = PageTable.Writable;
        for (int level = 3; ; level--)
        {
            ulong entry = ((ulong*)table)[(address >> (12 + (9 * level))) & 511];
            if ((entry & 1) == 0)
            {
                return 0;
            }

            rights &= entry;
            if (level == 0)
            {
                bool isBoth = (entry & PageTable.Writable) != 0 && (entry & PageTable.NoExecute) == 0;
                Assert.False(isBoth, $"{address:x} is writable and executable");
                return (entry & ~PageTable.Writable) | rights;
            }

            table = entry & AddressMask;
            AssertRam(table);
        }
    }

    /// <summary>Checks that what the host sees of the program's memory is what the page tables say.</summary>
    public static void AssertCoherent()
    {
        foreach ((ulong page, (ulong frame, int protection)) in HostTranslations)
        {
            Assert.Equal((page, Describe(Translate(page))), (page, (frame, protection)));
        }
    }

    /// <summary>Counts the frames below the lower half of the root table. No frame may be named twice.</summary>
    public static (int Tables, int Pages) Census(HashSet<ulong> frames)
    {
        int tables = 0;
        int pages = 0;
        Visit(Machine.PageTableRoot, 3);
        return (tables, pages);

        void Visit(ulong table, int level)
        {
            tables++;
            Claim(table);
            for (int i = 0; i < (level == 3 ? 256 : 512); i++)
            {
                ulong entry = ((ulong*)table)[i];
                if (level > 0 && (entry & PageTable.Present) != 0)
                {
                    Visit(entry & AddressMask, level - 1);
                }
                else if (level == 0 && (entry & PageTable.HoldsFrame) != 0)
                {
                    pages++;
                    Claim(entry & AddressMask);
                }
            }
        }

        void Claim(ulong frame)
        {
            AssertRam(frame);
            Assert.True(frames.Add(frame), $"frame {frame:x} is used twice");
        }
    }

    private static void Invalidate(ulong address)
    {
        ulong page = Pages.RoundDown(address);
        if (Machine.PageTableRoot == 0 || page >= AddressSpace.MapEnd)
        {
            return;
        }

        (ulong Frame, int Protection) wanted = Describe(Translate(page));
        bool isKnown = HostTranslations.TryGetValue(page, out (ulong Frame, int Protection) current);
        if (wanted.Protection == ProtNone)
        {
            if (isKnown)
            {
                Assert.Equal(0, Unmap(page, (nuint)Pages.Size));
                HostTranslations.Remove(page);
            }
        }
        else if (!isKnown || current != wanted)
        {
            Map(page, Pages.Size, wanted.Protection, MapShared | (isKnown ? MapFixed : MapFixedNoReplace), (long)(wanted.Frame - Base));
            HostTranslations[page] = wanted;
        }
    }

    private static (ulong Frame, int Protection) Describe(ulong entry)
    {
        if (entry == 0)
        {
            return default;
        }

        AssertRam(entry & AddressMask);
        return (entry & AddressMask, ProtRead | ((entry & PageTable.Writable) != 0 ? ProtWrite : 0));
    }

    private static void AssertRam(ulong frame) =>
        Assert.True(frame >= Base && frame < Base + Size && (frame & 0xfff) == 0, $"{frame:x} is not a frame of RAM");

    private static void Map(ulong address, ulong length, int protection, int flags, long offset) =>
        Assert.True(
            MapFile(address, (nuint)length, protection, flags, s_file, offset) == address,
            $"the host cannot map {address:x}: error {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CreateFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate")]
    private static partial int SetSize(int file, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial ulong MapFile(ulong address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(ulong address, nuint length);
}
