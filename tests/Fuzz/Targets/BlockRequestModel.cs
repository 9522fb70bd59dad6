using System.Runtime.InteropServices;
using Xenlet.BackEnds;
using Xenlet.BackEnds.Block;
using Xenlet.Drivers.Tests;

namespace Xenlet.Fuzz.Targets;

/// <summary>What store and pages have to be after each request, by the words of Xen's <c>io/blkif.h</c> alone.</summary>
internal sealed class BlockRequestModel
{
    private const int Unit = 512;
    private const int Units = 96;
    private const int Neighbour = 64 * Unit;

    private readonly TestPage[] _pages;
    private readonly uint[] _references;
    private readonly MemoryBlockStore _whole = new((Units * Unit) + (2 * Neighbour));
    private readonly byte[] _disk = new byte[(Units * Unit) + (2 * Neighbour)];
    private readonly int _unitsInSector;
    private byte[][] _memory = [];
    private BlockRequest _request;

    /// <param name="pages">The pages that the back end may use.</param>
    /// <param name="references">Their grants.</param>
    /// <param name="isReadOnly">Whether nothing may be written.</param>
    /// <param name="sectorSize">What requests have to be whole numbers of.</param>
    public BlockRequestModel(TestPage[] pages, uint[] references, bool isReadOnly, int sectorSize)
    {
        (_pages, _references, IsReadOnly, _unitsInSector) = (pages, references, isReadOnly, sectorSize / Unit);
        new Random(1).NextBytes(_disk);
        Assert.True(_whole.WriteAsync(0, _disk).IsCompletedSuccessfully);
        PartBlockStore part = new(_whole, Neighbour, Units * Unit);
        Store = sectorSize == Unit ? part : new CopyOnWriteBlockStore(part, new MemoryBlockStore(128 << 10, sectorSize));
    }

    /// <summary>What is served.</summary>
    public IBlockStore Store { get; }

    public bool IsReadOnly { get; }

    /// <summary>A request is about to be sent.</summary>
    public void Begin(in BlockRequest request)
    {
        _request = request;
        _memory = [.. _pages.Select(page => page.Bytes.ToArray())];
    }

    /// <summary>The request has been answered.</summary>
    public void End(BlockStatus status)
    {
        if (status == BlockStatus.Okay)
        {
            Carry();
        }

        // A read that fails on its way may have filled some of what it names.
        bool hasUndefinedPages = status != BlockStatus.Okay && BlockTransfer.KindOf(_request) == BlockRequestKind.Read;
        for (int i = 0; i < _pages.Length && !hasUndefinedPages; i++)
        {
            Assert.True(_pages[i].Bytes.AsSpan().SequenceEqual(_memory[i]), $"page {i} after {_request.Kind}, which ended {status}");
        }

        byte[] store = new byte[Units * Unit];
        Assert.True(Store.ReadAsync(0, store).IsCompletedSuccessfully);
        Assert.True(
            store.AsSpan().SequenceEqual(_disk.AsSpan(Neighbour, store.Length)), $"the store after {_request.Kind}, which ended {status}");
        CheckNeighbours();
    }

    /// <summary>Nothing outside the store has changed.</summary>
    public void CheckNeighbours()
    {
        byte[] all = new byte[_disk.Length];
        Assert.True(_whole.ReadAsync(0, all).IsCompletedSuccessfully);
        Assert.True(all.AsSpan(0, Neighbour).SequenceEqual(_disk.AsSpan(0, Neighbour)), "what lies before the store");
        Assert.True(all.AsSpan(^Neighbour..).SequenceEqual(_disk.AsSpan(^Neighbour..)), "what lies behind the store");
    }

    private void Carry()
    {
        switch (_request.Kind)
        {
            case BlockRequestKind.Read or BlockRequestKind.Write:
                Assert.InRange(_request.Segments, 1, BlockProtocol.DirectSegments);
                Move(_request.Kind, ((ReadOnlySpan<BlockSegment>)_request.Data)[.._request.Segments]);
                break;
            case BlockRequestKind.Indirect:
                Assert.InRange(_request.IndirectSegments, 1, BlockProtocol.IndirectSegmentsAPage);
                BlockSegment[] list = MemoryMarshal.Cast<byte, BlockSegment>(PageOf(_request.IndirectReference).AsSpan()).ToArray();
                Move(_request.IndirectKind, list.AsSpan(0, _request.IndirectSegments));
                break;
            case BlockRequestKind.Discard:
                Assert.True(!IsReadOnly && IsInside(_request.Sector, _request.Sectors), "a discard that must be refused");
                Discard((int)_request.Sector * Unit, (int)_request.Sectors * Unit);
                break;
            default:
                Assert.Equal(BlockRequestKind.FlushDiskCache, _request.Kind);
                break;
        }
    }

    private void Move(BlockRequestKind kind, ReadOnlySpan<BlockSegment> segments)
    {
        Assert.True(kind == BlockRequestKind.Read || (kind == BlockRequestKind.Write && !IsReadOnly), $"{kind} must be refused");
        ulong units = 0;
        foreach (BlockSegment segment in segments)
        {
            Assert.True(segment.First <= segment.Last && segment.Last < 8, $"units {segment.First} to {segment.Last} of a page");
            units += (ulong)(segment.Last - segment.First + 1);
        }

        Assert.True(IsInside(_request.Sector, units), $"{units} units at {_request.Sector} are not the store's");
        int at = Neighbour + ((int)_request.Sector * Unit);
        foreach (BlockSegment segment in segments)
        {
            Span<byte> ofPage = PageOf(segment.Reference).AsSpan((segment.First * Unit)..((segment.Last + 1) * Unit));
            Span<byte> ofDisk = _disk.AsSpan(at, ofPage.Length);
            if (kind == BlockRequestKind.Read)
            {
                ofDisk.CopyTo(ofPage);
            }
            else
            {
                ofPage.CopyTo(ofDisk);
            }

            at += ofPage.Length;
        }
    }

    /// <summary>A memory store makes zeros; copy on write goes back to what lies below.</summary>
    private void Discard(int offset, int length)
    {
        Memory<byte> discarded = _disk.AsMemory(Neighbour + offset, length);
        discarded.Span.Clear();
        if (Store is CopyOnWriteBlockStore)
        {
            Assert.True(_whole.ReadAsync(Neighbour + offset, discarded).IsCompletedSuccessfully);
        }
    }

    private bool IsInside(ulong sector, ulong units) =>
        units > 0 && (UInt128)sector + units <= Units && sector % (ulong)_unitsInSector == 0 && units % (ulong)_unitsInSector == 0;

    private byte[] PageOf(uint reference)
    {
        int index = Array.IndexOf(_references, reference);
        Assert.True(index >= 0, $"grant {reference} is not this back end's");
        return _memory[index];
    }
}
