using System.Buffers;
using System.Globalization;
using Xenlet.BackEnds.Stores;
using Xenlet.Kernel;

namespace Xenlet.BackEnds;

/// <summary>
/// Encrypts what is in another store as dm-crypt's <c>aes-xts-plain64</c> does without a header, so that Linux opens it with
/// <c>cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file FILE --sector-size N</c>.
/// </summary>
/// <remarks>
/// <para>A sector's number is counted in units of 512 bytes from the store's beginning, with larger sectors too, as dm-crypt does without
/// <c>--iv-large-sectors</c>. The key is that of <c>--key-file</c>, which is not hashed.</para>
/// <para>Nothing is authenticated: who can write the other store can change what is read here, 16 bytes at a time into noise, or put an old
/// sector back. What was never written reads as noise. Without AES instructions the processor's cache tells about the key
/// (<see cref="IsAesInProcessor"/>).</para>
/// </remarks>
public sealed class EncryptedBlockStore : IBlockStore
{
    private const int Unit = 512;

    private readonly IBlockStore _below;
    private readonly XtsSectors _sectors;
    private readonly bool _canDiscard;

    /// <summary>Creates the store.</summary>
    /// <param name="below">The other store, which holds what is encrypted.</param>
    /// <param name="key">64 bytes for AES-256 or 32 for AES-128: two keys, which differ. It is copied.</param>
    /// <param name="sectorSize">512, 1024, 2048 or 4096, at least the other store's; 0 for the other store's.</param>
    /// <param name="passesDiscards">
    /// Whether discards reach the other store, which tells whoever sees it which sectors are in use; dm-crypt's <c>allow_discards</c>.
    /// </param>
    /// <exception cref="ArgumentException">Key, size of sectors or the other store's length is none of these.</exception>
    public EncryptedBlockStore(IBlockStore below, ReadOnlySpan<byte> key, int sectorSize = 0, bool passesDiscards = false)
        : this(below, key, sectorSize, passesDiscards, AesBlocks.IsInProcessor)
    {
    }

    internal EncryptedBlockStore(IBlockStore below, ReadOnlySpan<byte> key, int sectorSize, bool passesDiscards, bool usesProcessor)
    {
        ArgumentNullException.ThrowIfNull(below);
        SectorSize = sectorSize == 0 ? below.SectorSize : sectorSize;
        if (SectorSize > 4096 || SectorSize < below.SectorSize || !int.IsPow2(SectorSize) || below.Length % SectorSize != 0)
        {
            string reason = string.Create(
                CultureInfo.InvariantCulture,
                $"{SectorSize} cannot be the size of sectors over {below.Length} bytes in sectors of {below.SectorSize}.");
            throw new ArgumentException(reason, nameof(sectorSize));
        }

        if (key.Length is not (32 or 64))
        {
            throw new ArgumentException($"A key has 64 bytes, or 32 for AES-128, not {key.Length}.", nameof(key));
        }

        if (key[..(key.Length / 2)].SequenceEqual(key[(key.Length / 2)..]))
        {
            throw new ArgumentException("Both halves of the key are the same, which XTS must not have.", nameof(key));
        }

        _below = below;
        _canDiscard = passesDiscards;
        _sectors = new XtsSectors(key, usesProcessor);
    }

    /// <summary>Whether this processor has AES instructions. Without them this takes about ten times as long.</summary>
    public static bool IsAesInProcessor => AesBlocks.IsInProcessor;

    /// <inheritdoc/>
    public event EventHandler? LengthChanged
    {
        add => _below.LengthChanged += value;
        remove => _below.LengthChanged -= value;
    }

    /// <inheritdoc/>
    public long Length => _below.Length & -SectorSize;

    /// <inheritdoc/>
    public int SectorSize { get; }

    /// <inheritdoc/>
    public bool IsReadOnly => _below.IsReadOnly;

    /// <inheritdoc/>
    public bool CanDiscard => _canDiscard && _below.CanDiscard;

    /// <inheritdoc/>
    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        StoreRange.Check(this, offset, buffer.Length);
        await _below.ReadAsync(offset, buffer, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        Span<byte> rest = buffer.Span;
        for (; !rest.IsEmpty; rest = rest[SectorSize..], offset += SectorSize)
        {
            _sectors.Decrypt((ulong)offset / Unit, rest[..SectorSize]);
        }
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        StoreRange.Check(this, offset, buffer.Length);
        byte[] rented = ArrayPool<byte>.Shared.Rent(buffer.Length);
        try
        {
            buffer.CopyTo(rented);
            for (int at = 0; at < buffer.Length; at += SectorSize)
            {
                _sectors.Encrypt((ulong)(offset + at) / Unit, rented.AsSpan(at, SectorSize));
            }

            await _below.WriteAsync(offset, rented.AsMemory(0, buffer.Length), cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _below.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default)
    {
        StoreRange.Check(this, offset, length);
        return CanDiscard
            ? _below.DiscardAsync(offset, length, cancellationToken)
            : throw new NotSupportedException("An encrypted store passes discards only if it was created so.");
    }
}
