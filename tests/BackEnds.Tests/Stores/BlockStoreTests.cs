using Xenlet.XenBus;

namespace Xenlet.BackEnds.Tests.Stores;

/// <summary>What all stores owe their callers.</summary>
public sealed class BlockStoreTests
{
    private const int Length = 1 << 20;

    private static readonly byte[] Key = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];

    /// <summary>Stores of a MiB over others, each made of the content that they begin with.</summary>
    private static readonly (string Name, Func<byte[], IBlockStore> Make)[] Stores =
    [
        ("memory", content => Filled(content)),
        ("memory, 4096", content => Filled(content, 4096)),
        ("part", content => new PartBlockStore(Filled([.. new byte[512 * 3], .. content, .. new byte[512]]), 512 * 3, Length)),
        ("copy on write", content => new CopyOnWriteBlockStore(new ReadOnlyBlockStore(Filled(content)), new MemoryBlockStore(Length))),
        ("copy on write, changes of 4096",
            content => new CopyOnWriteBlockStore(Filled(content), new MemoryBlockStore(Length + 4096, 4096))),
        ("encrypted", content => Encrypted(content, new MemoryBlockStore(Length), 512)),
        ("encrypted, 4096 over 512", content => Encrypted(content, new MemoryBlockStore(Length), 4096)),
        ("encrypted changes", content => new CopyOnWriteBlockStore(
            Filled(content), new EncryptedBlockStore(new MemoryBlockStore(Length), Key))),
    ];

    public static TheoryData<string> Names => [.. Stores.Select(store => store.Name)];

    public static TheoryData<string> NamesOverOthers =>
        [.. Stores.Select(store => store.Name).Where(name => !name.StartsWith("memory", StringComparison.Ordinal))];

    /// <summary>A part stays as large as it is.</summary>
    [Fact]
    public void A_store_over_another_one_that_changes_its_size_has_it_too_and_says_so()
    {
        MemoryBlockStore below = new(Length);
        IBlockStore[] stores =
        [
            below,
            new ReadOnlyBlockStore(below),
            new CopyOnWriteBlockStore(below, new MemoryBlockStore(Length, 4096)),
            new EncryptedBlockStore(below, Key, 4096),
        ];
        PartBlockStore part = new(below, 0, Length);
        List<object> said = [];
        foreach (IBlockStore store in stores)
        {
            store.LengthChanged += (_, _) => said.Add(store);
        }

        below.Resize((2 * Length) + 512);
        Assert.Equal(stores, said);
        Assert.Equal(
            [(2 * Length) + 512, (2 * Length) + 512, 2 * Length, 2 * Length, Length],
            [.. stores.Append(part).Select(store => store.Length)]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task What_is_read_is_what_was_written_last_or_was_there_from_the_beginning(string name)
    {
        Random random = new(3);
        byte[] model = new byte[Length];
        random.NextBytes(model);
        IBlockStore store = Make(name, [.. model]);
        for (int i = 0; i < 120; i++)
        {
            (int offset, int length) = Range(random, store.SectorSize);
            byte[] bytes = new byte[length];
            if (random.Next(2) == 0)
            {
                random.NextBytes(bytes);
                byte[] given = [.. bytes];
                await store.WriteAsync(offset, given);
                Assert.True(given.AsSpan().SequenceEqual(bytes), "a write must not change what it is given");
                bytes.CopyTo(model, offset);
            }
            else
            {
                await store.ReadAsync(offset, bytes);
                Assert.True(bytes.AsSpan().SequenceEqual(model.AsSpan(offset, length)), $"{length} bytes at {offset}, step {i}");
            }
        }

        await store.FlushAsync();
    }

    /// <summary>With ranges across the end and before the beginning, with lengths that overflow, and with parts of sectors.</summary>
    [Theory]
    [MemberData(nameof(NamesOverOthers))]
    public async Task What_is_not_in_the_store_is_refused(string name)
    {
        IBlockStore store = Make(name, new byte[Length]);
        byte[] sectors = new byte[2 * store.SectorSize];
        foreach (long offset in (long[])[-store.SectorSize, Length - store.SectorSize, Length, long.MaxValue - 4095, long.MinValue, 256])
        {
            await Assert.ThrowsAnyAsync<ArgumentException>(() => store.ReadAsync(offset, sectors).AsTask());
            await Assert.ThrowsAnyAsync<ArgumentException>(() => store.WriteAsync(offset, sectors).AsTask());
            await Assert.ThrowsAnyAsync<ArgumentException>(() => store.DiscardAsync(offset, sectors.Length).AsTask());
        }

        await Assert.ThrowsAnyAsync<ArgumentException>(() => store.DiscardAsync(store.SectorSize, long.MaxValue - 4095).AsTask());
        await Assert.ThrowsAnyAsync<ArgumentException>(() => store.ReadAsync(0, sectors.AsMemory(1)).AsTask());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 100)]
    [InlineData(100, 512)]
    [InlineData(512, Length)]
    [InlineData(-512, 512)]
    [InlineData(Length, 512)]
    [InlineData(512, long.MaxValue - 511)]
    public void A_part_lies_within_the_whole(long offset, long length) =>
        Assert.ThrowsAny<ArgumentException>(() => new PartBlockStore(new MemoryBlockStore(Length), offset, length));

    [Fact]
    public async Task A_part_leaves_its_neighbours_alone()
    {
        byte[] content = new byte[Length];
        new Random(4).NextBytes(content);
        MemoryBlockStore whole = Filled([.. content]);
        PartBlockStore part = new(whole, 1024, 2048);
        await part.WriteAsync(0, new byte[1024]);
        await part.DiscardAsync(1024, 1024);
        content.AsSpan(1024, 2048).Clear();
        Assert.True((await ReadAllAsync(whole)).SequenceEqual(content));
    }

    [Fact]
    public async Task A_read_only_store_is_read_and_nothing_else()
    {
        byte[] content = new byte[Length];
        new Random(5).NextBytes(content);
        MemoryBlockStore below = Filled([.. content]);
        ReadOnlyBlockStore store = new(below);
        Assert.True(store.IsReadOnly && !store.CanDiscard);
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => store.WriteAsync(0, new byte[512]).AsTask());
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => store.DiscardAsync(0, 512).AsTask());
        await store.FlushAsync();
        Assert.True((await ReadAllAsync(store)).SequenceEqual(content) && (await ReadAllAsync(below)).SequenceEqual(content));
    }

    /// <summary>A domain serves on what it is served itself.</summary>
    [Fact]
    public async Task A_part_of_a_front_ends_disk_is_a_store()
    {
        await using BackEndHost host = await BackEndHost.StartAsync();
        await using FrontBus front = await host.StartFrontAsync();
        await host.AttachAsync();
        BlockDevice disk = await host.FrontDriver.WaitForAsync("xvda").AsTask().WaitAsync(TimeSpan.FromMinutes(2));
        PartBlockStore part = new(new DiskBlockStore(disk), 1 << 20, 1 << 20);
        byte[] bytes = new byte[8192];
        new Random(6).NextBytes(bytes);

        await part.WriteAsync(512, bytes);
        await part.FlushAsync();
        await part.DiscardAsync(512, 512);

        byte[] expected = new byte[host.Store.Length];
        bytes.AsSpan(512).CopyTo(expected.AsSpan((1 << 20) + 1024));
        Assert.True((await ReadAllAsync(host.Store)).SequenceEqual(expected), "the whole disk");
        await part.ReadAsync(512, bytes);
        Assert.True(bytes.AsSpan().SequenceEqual(expected.AsSpan((1 << 20) + 512, bytes.Length)), "what is read of the part");

        DiskBlockStore whole = new(disk);
        TaskCompletionSource<long> grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
        whole.LengthChanged += (_, _) => grown.TrySetResult(whole.Length);
        host.Store.Resize(32 << 20);
        Assert.Equal(32 << 20, await grown.Task.WaitAsync(TimeSpan.FromMinutes(2)));
    }

    internal static MemoryBlockStore Filled(byte[] content, int sectorSize = 512)
    {
        MemoryBlockStore store = new(content.Length, sectorSize);
        Assert.True(store.WriteAsync(0, content).IsCompletedSuccessfully);
        return store;
    }

    internal static async Task<byte[]> ReadAllAsync(IBlockStore store)
    {
        byte[] all = new byte[store.Length];
        await store.ReadAsync(0, all);
        return all;
    }

    private static EncryptedBlockStore Encrypted(byte[] content, IBlockStore below, int sectorSize)
    {
        EncryptedBlockStore store = new(below, Key, sectorSize);
        Assert.True(store.WriteAsync(0, content).IsCompletedSuccessfully);
        return store;
    }

    private static IBlockStore Make(string name, byte[] content) => Stores.First(store => store.Name == name).Make(content);

    /// <summary>Some sectors, most often few.</summary>
    private static (int Offset, int Length) Range(Random random, int sectorSize)
    {
        int count = random.Next(1, random.Next(2, 1 + (200_000 / sectorSize)));
        return (random.Next((Length / sectorSize) - count) * sectorSize, count * sectorSize);
    }
}
