namespace Xenlet.BackEnds.Tests.Stores;

/// <summary>The room of changes, and what shares it.</summary>
public sealed class CopyOnWriteBlockStoreTests
{
    private const int Piece = 64 << 10;

    private readonly byte[] _content = new byte[8 * Piece];
    private readonly MemoryBlockStore _original;

    public CopyOnWriteBlockStoreTests()
    {
        new Random(7).NextBytes(_content);
        _original = BlockStoreTests.Filled([.. _content]);
    }

    [Fact]
    public async Task The_original_stays_what_it_was_and_two_stores_have_changes_of_their_own()
    {
        CopyOnWriteBlockStore one = new(_original, new MemoryBlockStore(8 * Piece));
        CopyOnWriteBlockStore two = new(_original, new MemoryBlockStore(8 * Piece));
        await one.WriteAsync(512, Sectors(200, 1));
        await two.WriteAsync(1024, Sectors(1, 2));

        Assert.True((await BlockStoreTests.ReadAllAsync(_original)).SequenceEqual(_content), "the original");
        Sectors(200, 1).CopyTo(_content, 512);
        Assert.True((await BlockStoreTests.ReadAllAsync(one)).SequenceEqual(_content), "the first");
        Assert.Equal(Sectors(1, 2), (await BlockStoreTests.ReadAllAsync(two))[1024..1536]);
        Assert.Equal((2L * Piece, 1L * Piece), (one.ChangedLength, two.ChangedLength));
    }

    [Fact]
    public async Task A_write_without_room_fails_and_changes_nothing_and_a_discard_makes_room()
    {
        CopyOnWriteBlockStore store = new(_original, new MemoryBlockStore((2 * Piece) + 512));
        await store.WriteAsync(0, Sectors(1, 1));

        // One piece is left, and this needs two.
        await Assert.ThrowsAsync<IOException>(() => store.WriteAsync((3 * Piece) - 512, Sectors(2, 2)).AsTask());
        Assert.Equal(Piece, store.ChangedLength);
        await store.WriteAsync(5 * Piece, Sectors(1, 3));
        await Assert.ThrowsAsync<IOException>(() => store.WriteAsync(7 * Piece, Sectors(1, 4)).AsTask());
        await store.WriteAsync((6 * Piece) - 512, Sectors(1, 5));
        await store.DiscardAsync(0, Piece);
        await store.WriteAsync(7 * Piece, Sectors(1, 4));

        Sectors(1, 3).CopyTo(_content, 5 * Piece);
        Sectors(1, 5).CopyTo(_content, (6 * Piece) - 512);
        Sectors(1, 4).CopyTo(_content, 7 * Piece);
        Assert.True((await BlockStoreTests.ReadAllAsync(store)).SequenceEqual(_content));
    }

    [Fact]
    public async Task What_is_discarded_reads_as_the_original_and_the_rest_of_its_piece_stays_changed()
    {
        CopyOnWriteBlockStore store = new(_original, new MemoryBlockStore(8 * Piece));
        await store.WriteAsync(0, Sectors(256, 1));
        await store.DiscardAsync(512, Piece);
        Sectors(1, 1).CopyTo(_content, 0);
        Sectors(127, 1).CopyTo(_content, Piece + 512);
        Assert.True((await BlockStoreTests.ReadAllAsync(store)).SequenceEqual(_content));
        Assert.Equal(2 * Piece, store.ChangedLength);
        await store.DiscardAsync(0, store.Length);
        Assert.Equal(0, store.ChangedLength);
    }

    /// <summary>A discard of everything must not give the slot of a read or write that is under way to another piece.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_room_of_a_read_or_write_under_way_is_not_used_for_anything_else(bool isWrite)
    {
        HeldStore changes = new(new MemoryBlockStore(Piece)) { Holds = false };
        CopyOnWriteBlockStore store = new(_original, changes);
        await store.WriteAsync(0, Sectors(1, 1));
        changes.Holds = true;
        byte[] bytes = isWrite ? Sectors(1, 2) : new byte[512];
        Task held = (isWrite ? store.WriteAsync(0, bytes) : store.ReadAsync(0, bytes)).AsTask();
        changes.Holds = false;
        await store.DiscardAsync(0, store.Length);

        await Assert.ThrowsAsync<IOException>(() => store.WriteAsync(Piece, Sectors(1, 3)).AsTask());
        changes.Release();
        await held;

        Assert.Equal(Sectors(1, (byte)(isWrite ? 2 : 1)), bytes);
        await store.DiscardAsync(0, store.Length);
        await store.WriteAsync(Piece, Sectors(1, 3));
        Sectors(1, 3).CopyTo(_content, Piece);
        Assert.True((await BlockStoreTests.ReadAllAsync(store)).SequenceEqual(_content));
    }

    [Fact]
    public async Task A_write_that_fails_below_leaves_what_was_there_and_no_room_is_lost()
    {
        HeldStore changes = new(new MemoryBlockStore(Piece)) { Holds = false, Failure = new IOException("below") };
        CopyOnWriteBlockStore store = new(_original, changes);
        for (int i = 0; i < 3; i++)
        {
            await Assert.ThrowsAsync<IOException>(() => store.WriteAsync(i * Piece, Sectors(1, 1)).AsTask());
        }

        Assert.Equal(0, store.ChangedLength);
        changes.Failure = null;
        await store.WriteAsync(4 * Piece, Sectors(1, 2));
        Sectors(1, 2).CopyTo(_content, 4 * Piece);
        Assert.True((await BlockStoreTests.ReadAllAsync(store)).SequenceEqual(_content));
    }

    [Fact]
    public void Changes_need_room_that_can_be_written()
    {
        Assert.Throws<ArgumentException>(() => new CopyOnWriteBlockStore(_original, new MemoryBlockStore(Piece - 512)));
        Assert.Throws<ArgumentException>(
            () => new CopyOnWriteBlockStore(_original, new ReadOnlyBlockStore(new MemoryBlockStore(Piece))));
    }

    private static byte[] Sectors(int count, byte value)
    {
        byte[] bytes = new byte[count * 512];
        Array.Fill(bytes, value);
        return bytes;
    }
}
