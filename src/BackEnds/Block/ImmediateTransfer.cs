using System.Runtime.InteropServices;
using Xenlet.Drivers.Block;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Block;

/// <summary>
/// Carries out reads and writes at once, straight between a store in memory and pages that are mapped for good. Whatever else a request
/// is, or is not, is left to <see cref="BlockTransfer"/>.
/// </summary>
/// <param name="store">What is served.</param>
/// <param name="isReadOnly">Whether writes are refused.</param>
/// <param name="pages">The front end's pages.</param>
internal sealed class ImmediateTransfer(IImmediateBlockStore store, bool isReadOnly, FrontEndPages pages)
{
    private readonly IForeignPage[] _found = new IForeignPage[BlockServer.MaximumSegments];

    /// <summary>Carries out a request, or leaves everything as it was.</summary>
    /// <param name="request">A copy that the front end cannot change.</param>
    /// <returns>Whether it was carried out, with success.</returns>
    public bool TryRun(in BlockRequest request)
    {
        switch (request.Kind)
        {
            case BlockRequestKind.Read or BlockRequestKind.Write when request.Segments <= BlockProtocol.DirectSegments:
                ReadOnlySpan<BlockSegment> direct = request.Data;
                return TryMove(request.Kind == BlockRequestKind.Write, request.Sector, direct[..request.Segments]);
            case BlockRequestKind.Indirect
                when request.IndirectKind is BlockRequestKind.Read or BlockRequestKind.Write
                    && request.IndirectSegments <= BlockServer.MaximumSegments
                    && pages.FindPersistent(request.IndirectReference) is { } list:
                // The list is copied before anything of it is looked at.
                Span<BlockSegment> segments = stackalloc BlockSegment[request.IndirectSegments];
                list.Span[..MemoryMarshal.AsBytes(segments).Length].CopyTo(MemoryMarshal.AsBytes(segments));
                return TryMove(request.IndirectKind == BlockRequestKind.Write, request.Sector, segments);
            default:
                return false;
        }
    }

    private bool TryMove(bool isWrite, ulong sector, ReadOnlySpan<BlockSegment> segments)
    {
        // All of it is checked before anything is written.
        uint units = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            BlockSegment segment = segments[i];
            if (!BlockTransfer.IsInPage(segment) || pages.FindPersistent(segment.Reference) is not { } page)
            {
                return false;
            }

            _found[i] = page;
            units += BlockTransfer.UnitsOf(segment);
        }

        if ((isWrite && isReadOnly) || !BlockTransfer.IsInside(store, sector, units))
        {
            return false;
        }

        long offset = (long)sector * BlockProtocol.Unit;
        for (int i = 0; i < segments.Length; i++)
        {
            Span<byte> part = _found[i].Span.Slice(
                segments[i].First * BlockProtocol.Unit, (int)BlockTransfer.UnitsOf(segments[i]) * BlockProtocol.Unit);
            if (isWrite)
            {
                store.Write(offset, part);
            }
            else
            {
                store.Read(offset, part);
            }

            offset += part.Length;
        }

        return true;
    }
}
