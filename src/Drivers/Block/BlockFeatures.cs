using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Block;

/// <summary>What a connected back end says about its disk and itself, checked.</summary>
internal sealed record BlockFeatures
{
    /// <summary>The length of the disk, in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>The smallest unit that can be read or written, in bytes.</summary>
    public required int SectorSize { get; init; }

    /// <summary>The smallest unit that the storage writes without a read, in bytes.</summary>
    public required int PhysicalSectorSize { get; init; }

    /// <summary>VDISK_ bits.</summary>
    public required long Info { get; init; }

    /// <summary>The request that makes completed writes durable, or <see langword="null"/>.</summary>
    public required BlockRequestKind? Flush { get; init; }

    public required bool CanDiscard { get; init; }

    /// <summary>The unit of a discard, in bytes; at least a sector.</summary>
    public required long DiscardGranularity { get; init; }

    /// <summary>Segments in an indirect request; 0 if the back end has no indirect requests.</summary>
    public required int IndirectSegments { get; init; }

    /// <summary>Reads and checks everything.</summary>
    /// <exception cref="InvalidDataException">A node has a value that the protocol does not allow.</exception>
    public static async Task<BlockFeatures> ReadAsync(XenStoreClient store, string backEnd, CancellationToken cancellationToken)
    {
        // Read together: one after another they would cost a round trip each.
        Task<long>[] numbers =
        [
            ReadNumberAsync(store, backEnd, "sector-size", BlockProtocol.Unit, ISharedPage.Size, BlockProtocol.Unit, cancellationToken),
            ReadNumberAsync(store, backEnd, "physical-sector-size", 0, int.MaxValue, 0, cancellationToken),
            ReadNumberAsync(store, backEnd, "info", 0, uint.MaxValue, 0, cancellationToken),
            ReadNumberAsync(store, backEnd, "feature-flush-cache", 0, int.MaxValue, 0, cancellationToken),
            ReadNumberAsync(store, backEnd, "feature-barrier", 0, int.MaxValue, 0, cancellationToken),
            ReadNumberAsync(store, backEnd, "feature-discard", 0, int.MaxValue, 0, cancellationToken),
            ReadNumberAsync(store, backEnd, "discard-granularity", 0, uint.MaxValue, 0, cancellationToken),
            ReadNumberAsync(store, backEnd, "feature-max-indirect-segments", 0, uint.MaxValue, 0, cancellationToken),
            ReadSectorsAsync(store, backEnd, cancellationToken),
        ];
        long[] read = await Task.WhenAll(numbers).ConfigureAwait(EventLoop.IsCurrent);
        int sectorSize = (int)read[0];
        if (!int.IsPow2(sectorSize))
        {
            throw Bad("sector-size", read[0].ToString(CultureInfo.InvariantCulture), "a power of two from 512 to 4096");
        }

        return new BlockFeatures
        {
            SectorSize = sectorSize,
            PhysicalSectorSize = Math.Max(sectorSize, (int)read[1]),
            Info = read[2],
            Flush = read[3] != 0 ? BlockRequestKind.FlushDiskCache : read[4] != 0 ? BlockRequestKind.WriteBarrier : null,
            CanDiscard = read[5] != 0,
            DiscardGranularity = Math.Max(sectorSize, read[6]),
            IndirectSegments = (int)Math.Min(read[7], int.MaxValue),
            Length = LengthOf(read[8], sectorSize),
        };
    }

    /// <summary>Reads only the disk's size, which may change while it is connected.</summary>
    /// <exception cref="InvalidDataException">The node has no valid size.</exception>
    public static async Task<long> ReadLengthAsync(
        XenStoreClient store,
        string backEnd,
        int sectorSize,
        CancellationToken cancellationToken) =>
        LengthOf(await ReadSectorsAsync(store, backEnd, cancellationToken).ConfigureAwait(EventLoop.IsCurrent), sectorSize);

    /// <summary>Reads a number, or <paramref name="absent"/> if there is no such node.</summary>
    /// <exception cref="InvalidDataException">It is no number from <paramref name="least"/> to <paramref name="most"/>.</exception>
    public static async Task<long> ReadNumberAsync(
        XenStoreClient store, string backEnd, string node, long least, long most, long absent, CancellationToken cancellationToken)
    {
        string? text = await store.TryReadAsync($"{backEnd}/{node}", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        if (text is null)
        {
            return absent;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            && value >= least
            && value <= most ? value
            : throw Bad(node, text, string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"));
    }

    private static async Task<long> ReadSectorsAsync(XenStoreClient store, string backEnd, CancellationToken cancellationToken)
    {
        long sectors = await ReadNumberAsync(store, backEnd, "sectors", 0, long.MaxValue / BlockProtocol.Unit, -1, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        return sectors >= 0 ? sectors : throw new InvalidDataException("the back end does not say how many sectors there are");
    }

    /// <summary>
    /// <c>sectors</c> counts units of 512 bytes, whatever <c>sector-size</c> is; part of a sector at the end cannot be used.
    /// </summary>
    private static long LengthOf(long sectors, int sectorSize) => sectors * BlockProtocol.Unit / sectorSize * sectorSize;

    private static InvalidDataException Bad(string node, string text, string wanted) =>
        new($"the back end's {node} is '{(text.Length <= 40 ? text : text[..40] + "...")}', not {wanted}");
}
