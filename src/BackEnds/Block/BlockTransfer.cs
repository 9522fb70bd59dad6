using System.Buffers;
using System.Runtime.InteropServices;
using Xenlet.Drivers.Block;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Block;

/// <summary>Carries out the requests of one front end, each of which is checked as a copy that the front end cannot change.</summary>
/// <param name="store">What is served.</param>
/// <param name="isReadOnly">Whether writes are refused.</param>
/// <param name="foreign">Copies from and to the front end's pages.</param>
/// <param name="domain">The front end's domain.</param>
/// <param name="persistent">Keeps the pages of a front end that keeps its grants; null for one that does not.</param>
internal sealed class BlockTransfer(
    IBlockStore store, bool isReadOnly, IForeignPages foreign, ushort domain, FrontEndPages? persistent)
{
    private const int UnitsInPage = ISharedPage.Size / BlockProtocol.Unit;

    private readonly Lock _lock = new();
    private readonly ImmediateTransfer? _immediate =
        persistent is not null && store is IImmediateBlockStore memory ? new(memory, isReadOnly, persistent) : null;

    /// <summary>The bytes of data that a request moves, for the limits: what it claims, whether or not it is a good one.</summary>
    public static int SizeOf(in BlockRequest request) => request.Kind switch
    {
        BlockRequestKind.Read or BlockRequestKind.Write =>
            Math.Min(request.Segments, (byte)BlockProtocol.DirectSegments) * ISharedPage.Size,
        BlockRequestKind.Indirect => Math.Min((int)request.IndirectSegments, BlockServer.MaximumSegments) * ISharedPage.Size,
        _ => 0,
    };

    /// <summary>What a response repeats of the request.</summary>
    public static BlockRequestKind KindOf(in BlockRequest request) =>
        request.Kind == BlockRequestKind.Indirect ? request.IndirectKind : request.Kind;

    /// <summary>Whether the bounds of a segment are those of a part of its page.</summary>
    public static bool IsInPage(in BlockSegment segment) => segment.First <= segment.Last && segment.Last < UnitsInPage;

    /// <summary>The size of a segment that is in its page, in units of 512 bytes.</summary>
    public static uint UnitsOf(in BlockSegment segment) => (uint)(segment.Last - segment.First + 1);

    /// <summary>Whether a range is whole sectors of a store. The numbers are the front end's, and may be anything.</summary>
    public static bool IsInside(IBlockStore store, ulong sector, ulong count)
    {
        ulong all = (ulong)(store.Length / BlockProtocol.Unit);
        ulong inSector = (ulong)(store.SectorSize / BlockProtocol.Unit);
        return count > 0 && sector <= all && count <= all - sector && sector % inSector == 0 && count % inSector == 0;
    }

    /// <summary>Carries out a request at once if it needs no waiting and nothing is wrong with it. If not, nothing has happened.</summary>
    /// <returns>Whether it was carried out, with success.</returns>
    public bool TryRunNow(in BlockRequest request)
    {
        if (_immediate is null)
        {
            return false;
        }

        try
        {
            lock (_lock)
            {
                return _immediate.TryRun(in request);
            }
        }
        catch (Exception)
        {
            // There is no memory for what is written, or the store is smaller by now: trying again gives the answer.
            return false;
        }
    }

    /// <summary>Carries out a request. Nothing that it asks for, and no error of the store, throws.</summary>
    public async Task<BlockStatus> RunAsync(BlockRequest request)
    {
        try
        {
            return request.Kind switch
            {
                BlockRequestKind.Read or BlockRequestKind.Write => await MoveAsync(request, DirectSegments(request))
                    .ConfigureAwait(EventLoop.IsCurrent),
                BlockRequestKind.Indirect => await MoveIndirectAsync(request).ConfigureAwait(EventLoop.IsCurrent),
                BlockRequestKind.FlushDiskCache => await FlushAsync(request).ConfigureAwait(EventLoop.IsCurrent),
                BlockRequestKind.Discard => await DiscardAsync(request).ConfigureAwait(EventLoop.IsCurrent),
                _ => BlockStatus.NotSupported,
            };
        }
        catch (NotSupportedException)
        {
            return BlockStatus.NotSupported;
        }
        catch (Exception)
        {
            return BlockStatus.Error;
        }
    }

    private static BlockSegment[]? DirectSegments(BlockRequest request) =>
        request.Segments is > 0 and <= BlockProtocol.DirectSegments
            ? ((ReadOnlySpan<BlockSegment>)request.Data)[..request.Segments].ToArray()
            : null;

    private async Task<BlockStatus> MoveIndirectAsync(BlockRequest request)
    {
        if (request.IndirectKind is not (BlockRequestKind.Read or BlockRequestKind.Write)
            || request.IndirectSegments is 0 or > BlockServer.MaximumSegments)
        {
            return BlockStatus.Error;
        }

        // The list is copied before anything of it is looked at.
        BlockSegment[] segments = new BlockSegment[request.IndirectSegments];
        byte[] list = new byte[segments.Length * Marshal.SizeOf<BlockSegment>()];
        GrantCopy[] copies = [new() { Reference = request.IndirectReference, Length = list.Length }];
        if (!await CopyInAsync(copies, list).ConfigureAwait(EventLoop.IsCurrent))
        {
            return BlockStatus.Error;
        }

        list.CopyTo(MemoryMarshal.AsBytes(segments.AsSpan()));
        return await MoveAsync(request with { Kind = request.IndirectKind }, segments).ConfigureAwait(EventLoop.IsCurrent);
    }

    private async Task<BlockStatus> MoveAsync(BlockRequest request, BlockSegment[]? segments)
    {
        bool isWrite = request.Kind == BlockRequestKind.Write;
        if (segments is null || (isWrite && isReadOnly) || !TryPlan(segments, out GrantCopy[] copies, out int size)
            || !IsInside(store, request.Sector, (ulong)(size / BlockProtocol.Unit)))
        {
            return BlockStatus.Error;
        }

        long offset = (long)request.Sector * BlockProtocol.Unit;
        byte[] rented = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            Memory<byte> buffer = rented.AsMemory(0, size);
            if (isWrite)
            {
                if (!await CopyInAsync(copies, buffer).ConfigureAwait(EventLoop.IsCurrent))
                {
                    return BlockStatus.Error;
                }

                await store.WriteAsync(offset, buffer).ConfigureAwait(EventLoop.IsCurrent);
                return BlockStatus.Okay;
            }

            await store.ReadAsync(offset, buffer).ConfigureAwait(EventLoop.IsCurrent);
            return await CopyOutAsync(copies, buffer).ConfigureAwait(EventLoop.IsCurrent) ? BlockStatus.Okay : BlockStatus.Error;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async Task<BlockStatus> FlushAsync(BlockRequest request)
    {
        if (request.Segments != 0)
        {
            return BlockStatus.Error;
        }

        await store.FlushAsync().ConfigureAwait(EventLoop.IsCurrent);
        return BlockStatus.Okay;
    }

    private async Task<BlockStatus> DiscardAsync(BlockRequest request)
    {
        if (!store.CanDiscard)
        {
            return BlockStatus.NotSupported;
        }

        if (isReadOnly || !IsInside(store, request.Sector, request.Sectors))
        {
            return BlockStatus.Error;
        }

        await store.DiscardAsync((long)request.Sector * BlockProtocol.Unit, (long)request.Sectors * BlockProtocol.Unit)
            .ConfigureAwait(EventLoop.IsCurrent);
        return BlockStatus.Okay;
    }

    /// <summary>
    /// Where in a buffer each segment's part comes. False if a segment's bounds lie outside its page or are the wrong way round.
    /// </summary>
    private static bool TryPlan(BlockSegment[] segments, out GrantCopy[] copies, out int size)
    {
        copies = new GrantCopy[segments.Length];
        size = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            BlockSegment segment = segments[i];
            if (!IsInPage(segment))
            {
                return false;
            }

            int length = (int)UnitsOf(segment) * BlockProtocol.Unit;
            copies[i] = new()
            {
                Reference = segment.Reference,
                Offset = segment.First * BlockProtocol.Unit,
                Length = length,
                BufferOffset = size,
            };
            size += length;
        }

        return true;
    }

    private ValueTask<bool> CopyInAsync(GrantCopy[] copies, Memory<byte> buffer)
    {
        GrantCopy[] rest = CopyPersistent(copies, buffer.Span, isIn: true);
        return rest.Length == 0 ? new(true) : foreign.CopyFromAsync(domain, rest, buffer);
    }

    private ValueTask<bool> CopyOutAsync(GrantCopy[] copies, Memory<byte> buffer)
    {
        GrantCopy[] rest = CopyPersistent(copies, buffer.Span, isIn: false);
        return rest.Length == 0 ? new(true) : foreign.CopyToAsync(domain, rest, buffer);
    }

    /// <summary>Copies between the buffer and pages that are mapped for good. Gives the parts that Xen has to copy.</summary>
    private GrantCopy[] CopyPersistent(GrantCopy[] copies, Span<byte> buffer, bool isIn)
    {
        if (persistent is null)
        {
            return copies;
        }

        int rest = 0;
        lock (_lock)
        {
            foreach (GrantCopy part in copies)
            {
                if (persistent.FindPersistent(part.Reference) is not { } page)
                {
                    copies[rest++] = part;
                    continue;
                }

                Span<byte> theirs = page.Span.Slice(part.Offset, part.Length);
                Span<byte> ours = buffer.Slice(part.BufferOffset, part.Length);
                if (isIn)
                {
                    theirs.CopyTo(ours);
                }
                else
                {
                    ours.CopyTo(theirs);
                }
            }
        }

        return rest == copies.Length ? copies : copies[..rest];
    }
}
