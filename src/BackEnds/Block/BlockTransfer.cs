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
            || !IsInside(request.Sector, (ulong)(size / BlockProtocol.Unit)))
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

        if (isReadOnly || !IsInside(request.Sector, request.Sectors))
        {
            return BlockStatus.Error;
        }

        await store.DiscardAsync((long)request.Sector * BlockProtocol.Unit, (long)request.Sectors * BlockProtocol.Unit)
            .ConfigureAwait(EventLoop.IsCurrent);
        return BlockStatus.Okay;
    }

    /// <summary>Whether a range is whole sectors of the store. The numbers are the front end's, and may be anything.</summary>
    private bool IsInside(ulong sector, ulong count)
    {
        ulong all = (ulong)(store.Length / BlockProtocol.Unit);
        ulong inSector = (ulong)(store.SectorSize / BlockProtocol.Unit);
        return count > 0 && sector <= all && count <= all - sector && sector % inSector == 0 && count % inSector == 0;
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
            if (segment.First > segment.Last || segment.Last >= UnitsInPage)
            {
                return false;
            }

            int length = (segment.Last - segment.First + 1) * BlockProtocol.Unit;
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
        GrantCopy[] rest = CopyPersistent(copies, static (page, part) => page.CopyTo(part), buffer);
        return rest.Length == 0 ? new(true) : foreign.CopyFromAsync(domain, rest, buffer);
    }

    private ValueTask<bool> CopyOutAsync(GrantCopy[] copies, Memory<byte> buffer)
    {
        GrantCopy[] rest = CopyPersistent(copies, static (page, part) => part.CopyTo(page), buffer);
        return rest.Length == 0 ? new(true) : foreign.CopyToAsync(domain, rest, buffer);
    }

    /// <summary>Copies between the buffer and pages that are mapped for good. Gives the parts that Xen has to copy.</summary>
    private GrantCopy[] CopyPersistent(GrantCopy[] copies, Action<Memory<byte>, Memory<byte>> copy, Memory<byte> buffer)
    {
        if (persistent is null)
        {
            return copies;
        }

        List<GrantCopy> rest = [];
        foreach (GrantCopy part in copies)
        {
            IForeignPage? page;
            lock (_lock)
            {
                page = persistent.FindPersistent(part.Reference);
            }

            if (page is null)
            {
                rest.Add(part);
            }
            else
            {
                copy(page.Memory.Slice(part.Offset, part.Length), buffer.Slice(part.BufferOffset, part.Length));
            }
        }

        return [.. rest];
    }
}
