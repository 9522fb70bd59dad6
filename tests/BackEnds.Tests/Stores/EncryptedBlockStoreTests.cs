using Xenlet.BackEnds.Stores;

namespace Xenlet.BackEnds.Tests.Stores;

/// <summary>What an encrypted store writes below, and what it refuses.</summary>
public sealed class EncryptedBlockStoreTests
{
    private const int Length = 64 << 10;

    private static readonly byte[] Key = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];

    /// <summary>
    /// dm-crypt counts in units of 512 bytes, whatever its sectors: with 4096 bytes, the second sector's number is 8. OpenSSL encrypts what
    /// is expected.
    /// </summary>
    [Theory]
    [InlineData(512, 64, true)]
    [InlineData(512, 32, false)]
    [InlineData(4096, 64, true)]
    [InlineData(4096, 64, false)]
    public async Task Each_sector_is_encrypted_with_the_number_of_its_first_512_bytes(int sectorSize, int keyLength, bool usesProcessor)
    {
        byte[] key = Key[..keyLength];
        byte[] content = new byte[Length];
        new Random(8).NextBytes(content);
        MemoryBlockStore below = new(Length);
        EncryptedBlockStore store = new(below, key, sectorSize, passesDiscards: false, usesProcessor && AesBlocks.IsInProcessor);

        await store.WriteAsync(0, content.AsMemory(0, sectorSize));
        await store.WriteAsync(sectorSize, content.AsMemory(sectorSize));

        byte[] expected = [.. Enumerable.Range(0, Length / sectorSize)
            .SelectMany(i => OpenSsl.Encrypt(key, (ulong)(i * sectorSize / 512), content.AsSpan(i * sectorSize, sectorSize)))];
        Assert.True((await BlockStoreTests.ReadAllAsync(below)).SequenceEqual(expected), "what is below");
        Assert.True((await BlockStoreTests.ReadAllAsync(store)).SequenceEqual(content), "what is read");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_discard_is_passed_on_only_if_it_may_tell_what_is_unused(bool passesDiscards)
    {
        MemoryBlockStore below = new(Length);
        EncryptedBlockStore store = new(below, Key, passesDiscards: passesDiscards);
        await store.WriteAsync(0, new byte[Length]);
        Assert.Equal(passesDiscards, store.CanDiscard);
        if (!passesDiscards)
        {
            await Assert.ThrowsAsync<NotSupportedException>(() => store.DiscardAsync(0, Length).AsTask());
            return;
        }

        await store.DiscardAsync(0, Length);
        Assert.Equal(new byte[Length], await BlockStoreTests.ReadAllAsync(below));
    }

    [Theory]
    [InlineData(0, 512)]
    [InlineData(48, 512)]
    [InlineData(65, 512)]
    [InlineData(64, 8192)]
    [InlineData(64, 1000)]
    [InlineData(64, 256)]
    public void Keys_and_sectors_of_other_sizes_are_refused(int keyLength, int sectorSize) =>
        Assert.Throws<ArgumentException>(
            () => new EncryptedBlockStore(new MemoryBlockStore(Length), Key.Append((byte)65).Take(keyLength).ToArray(), sectorSize));

    [Fact]
    public void A_key_whose_halves_are_the_same_is_refused() =>
        Assert.Throws<ArgumentException>(() => new EncryptedBlockStore(new MemoryBlockStore(Length), [.. Key[..32], .. Key[..32]]));

    [Fact]
    public void A_length_of_parts_of_sectors_is_refused() =>
        Assert.Throws<ArgumentException>(() => new EncryptedBlockStore(new MemoryBlockStore(Length + 512), Key, 4096));
}
