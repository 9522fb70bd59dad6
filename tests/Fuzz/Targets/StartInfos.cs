using System.Reflection;

namespace Xenlet.Fuzz.Targets;

/// <summary>The loader's memory map: memory is used as RAM only if the map says that it is.</summary>
internal static unsafe class StartInfos
{
    private const int Capacity = 32;
    private const int Several = 0x80;

    /// <summary>Physical addresses have 52 bits at most (AMD64 Architecture Programmer's Manual, volume 2, section 5.3).</summary>
    private const ulong AddressLimit = 1UL << 52;

    private static readonly FieldInfo[] State =
    [
        .. typeof(MemoryMap).GetFields(BindingFlags.Static | BindingFlags.NonPublic)
            .Where(field => field.FieldType.IsPrimitive && !field.IsLiteral),
    ];

    public static byte[][] Tokens { get; } = [[1, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0], [0, 16], [255, 255, 255, 255, 255, 255, 255, 255]];

    public static void Run(byte[] input)
    {
        Machine.Reset();
        foreach (FieldInfo field in State)
        {
            field.SetValue(null, Convert.ChangeType(0, field.FieldType, null));
        }

        Script script = new(input);
        StartInfo info = new() { Version = script.Byte() };
        List<MemoryMapEntry> entries = [];
        while (!script.AtEnd)
        {
            // A range, or so many of one size in a row.
            byte kind = script.Byte();
            int count = (kind & Several) != 0 ? script.Byte() : 1;
            MemoryMapEntry entry = new() { Type = (uint)(kind & ~Several), Address = script.UInt64(), Size = script.UInt64() };
            for (int i = 0; i < count; i++)
            {
                entries.Add(entry);
                entry.Address += entry.Size;
            }
        }

        fixed (MemoryMapEntry* first = entries.ToArray())
        {
            info.MemoryMapAddress = (ulong)first;
            info.MemoryMapEntries = (uint)entries.Count;
            try
            {
                LoaderMemoryMap.Read(&info);
            }
            catch (PanicException)
            {
                Assert.True(info.Version == 0 || entries.Count == 0, "a memory map was refused");
                return;
            }
        }

        Check(entries);
    }

    private static void Check(List<MemoryMapEntry> entries)
    {
        (ulong Start, ulong End)[] expected =
        [
            .. entries
                .Where(entry => entry.Type == MemoryMapEntry.XEN_HVM_MEMMAP_TYPE_RAM)
                .Where(entry => (UInt128)entry.Address + entry.Size <= AddressLimit)
                .Select(entry => ((entry.Address + 4095) & ~4095UL, (entry.Address + entry.Size) & ~4095UL))
                .Where(range => range.Item1 < range.Item2)
                .Take(Capacity),
        ];
        (ulong Start, ulong End)[] found =
            [.. Enumerable.Range(0, MemoryMap.Count).Select(index => (MemoryMap.Get(index)->Start, MemoryMap.Get(index)->End))];
        Assert.Equal(expected, found);
        Assert.Equal(expected.Aggregate(0UL, (sum, range) => sum + ((range.End - range.Start) / 4096)), MemoryMap.TotalPages);
        Assert.All(found, range => Assert.True(MemoryMap.IsRam(range.Start) && MemoryMap.IsRam(range.End - 1)));
        Assert.False(MemoryMap.IsRam(MemoryMap.FirstFrameWithoutRam * 4096), "Xen's shared page would take the place of RAM");
    }
}
