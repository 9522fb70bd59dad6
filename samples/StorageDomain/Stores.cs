using System.Globalization;
using Xenlet.BackEnds;
using Xenlet.Drivers;
using Xenlet.XenStoreRing;

namespace Xenlet.Samples;

/// <summary>What <c>target=</c> of a disk names: README.md has the words.</summary>
internal sealed class Stores(BlockDriver disks, XenStoreClient xenStore)
{
    private const string KeyFile = "/app/key";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task<IBlockStore>> _open = [];

    /// <summary>Finds or opens a store. The same name is the same store, for as long as this domain lives.</summary>
    public Task<IBlockStore> OpenAsync(string name, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _open.TryGetValue(name, out Task<IBlockStore>? store) && !store.IsFaulted && !store.IsCanceled ? store
                : _open[name] = MakeAsync(name.Split('#')[0], cancellationToken);
        }
    }

    private async Task<IBlockStore> MakeAsync(string name, CancellationToken cancellationToken)
    {
        switch (name.Split(':', 2))
        {
            case ["memory", string size]:
                return new MemoryBlockStore(Bytes(size));
            case ["ro", string below]:
                return new ReadOnlyBlockStore(await MakeAsync(below, cancellationToken));
            case ["cow", string rest] when rest.Split(':', 2) is [string room, string below]:
                return new CopyOnWriteBlockStore(await MakeAsync(below, cancellationToken), new MemoryBlockStore(Bytes(room)));
            case ["crypt", string below]:
                return new EncryptedBlockStore(await MakeAsync(below, cancellationToken), await ReadKeyAsync(cancellationToken));
            case [string disk, string part] when part.Split('+') is [string offset, string length]:
                return new PartBlockStore(await FindAsync(disk), Bytes(offset), Bytes(length));
            case [string disk]:
                return await FindAsync(disk);
            default:
                throw new ArgumentException($"'{name}' names nothing that is served");
        }
    }

    private async ValueTask<IBlockStore> FindAsync(string name)
    {
        // The tool stack waits 10 seconds for the answer.
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(5));
        return new DiskBlockStore(await disks.WaitForAsync(name, limit.Token));
    }

    /// <summary>A file of <c>ramdisk=</c>, or what dom0 has written in hexadecimal. Both are dom0's to read.</summary>
    private async ValueTask<byte[]> ReadKeyAsync(CancellationToken cancellationToken) => File.Exists(KeyFile)
        ? await File.ReadAllBytesAsync(KeyFile, cancellationToken)
        : Convert.FromHexString((await xenStore.ReadAsync("data/key", cancellationToken)).Trim());

    /// <summary>A number of bytes, KiB (K), MiB (M) or GiB (G).</summary>
    private static long Bytes(string text)
    {
        int shift = text is [.., char unit] ? unit switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 } : 0;
        return checked(long.Parse(shift > 0 ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture) * (1L << shift));
    }
}
