using System.Runtime.InteropServices;
using Xenlet.BackEnds;
using Xenlet.BackEnds.Block;
using Xenlet.BackEnds.Tests;
using Xenlet.Drivers;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// A front end that asks a block back end for anything: each request is answered once, and the store and the front end's pages are what the
/// answers say. The store is a part of a larger one, of which nothing else changes.
/// </summary>
internal static class BlockRequests
{
    private const ushort Self = 1;
    private const int Pages = 5;

    /// <summary>A page that is granted to another domain.</summary>
    private const int ForeignPage = Pages - 1;

    private static readonly BlockRequestKind[] Kinds =
    [
        BlockRequestKind.Read, BlockRequestKind.Write, BlockRequestKind.Indirect, BlockRequestKind.Discard,
        BlockRequestKind.FlushDiskCache, BlockRequestKind.WriteBarrier,
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        int flags = script.Byte();
        TestMachine front = new();
        BackEndMachine machine = new(front, Self);
        TestPage[] pages = [.. Enumerable.Range(0, Pages).Select(_ => (TestPage)front.Allocate())];
        uint[] references = [.. pages.Select((page, i) => page.Grant(i == ForeignPage ? (ushort)2 : Self).Reference)];
        BlockRequestModel model = new(pages[..ForeignPage], references[..ForeignPage], (flags & 2) != 0, (flags & 4) != 0 ? 4096 : 512);

        TestPage ringPage = (TestPage)front.Allocate();
        FrontRing<BlockRequest, BlockResponse> ring = new([ringPage]);
        using FrontEndPages mapped = new(machine, domain: 0, maximum: 3);
        uint[] ringReference = [ringPage.Grant(Self).Reference];
        IForeignPage[] ringPages = mapped.MapAsync(ringReference, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        using TestChannel channel = (TestChannel)front.AllocateUnbound(Self);
        using IEventChannel bound = machine.BindInterdomain(0, channel.Port);
        BlockTransfer transfer = new(model.Store, model.IsReadOnly, machine, domain: 0, (flags & 1) != 0 ? mapped : null);
        BlockServer server = new(new BackEnds.BackRing<BlockRequest, BlockResponse>(ringPages), transfer, bound, new(), static _ => { });
        for (ulong id = 1; !script.AtEnd; id++)
        {
            switch (script.Below(8))
            {
                case 0:
                    // What a ring is that says so is the back end's to know: it may answer old requests again, or nothing.
                    ref uint producer = ref MemoryMarshal.AsRef<uint>(ringPage.Bytes.AsSpan(RingPages.RequestProducer));
                    producer = script.Near(producer);
                    Drain(server);
                    model.CheckNeighbours();
                    return;
                case 1:
                    Span<byte> part = pages[script.Below(ForeignPage)].Bytes.AsSpan(script.Below(64) * 8);
                    script.Bytes(1 + script.Below(16)).CopyTo(part);
                    break;
                case 2:
                    Span<BlockSegment> list = MemoryMarshal.Cast<byte, BlockSegment>(pages[0].Bytes.AsSpan());
                    list[script.Below(80)] = Segment(script, references);
                    break;
                default:
                    BlockRequest request = Request(script, references) with { Id = id };
                    model.Begin(request);
                    ring.Put(request);
                    ring.Publish();
                    Drain(server);
                    Assert.True(ring.TryTake(out BlockResponse response), "a request has no response");
                    Assert.False(ring.TryTake(out _), "a request has two responses");
                    Assert.Equal((id, BlockTransfer.KindOf(request)), (response.Id, response.Kind));
                    model.End(response.Status);
                    break;
            }
        }
    }

    /// <summary>The server carries out at once what is in the ring, since neither store nor pages keep it waiting.</summary>
    private static void Drain(BlockServer server) => _ = server.DrainAsync(CancellationToken.None);

    private static BlockRequest Request(Script script, uint[] references)
    {
        int choice = script.Byte();
        BlockRequestKind kind = choice < 240 ? Kinds[choice % Kinds.Length] : (BlockRequestKind)choice;
        BlockRequest request = new() { Kind = kind, Segments = script.Byte(), Sector = Sector(script) };
        if (kind == BlockRequestKind.Discard)
        {
            request.Sectors = Sector(script);
        }
        else if (kind == BlockRequestKind.Indirect)
        {
            request.IndirectSegments = script.UInt16();
            request.IndirectReference = Reference(script, references);
        }
        else
        {
            for (int i = 0; i < Math.Min(request.Segments, (byte)BlockProtocol.DirectSegments); i++)
            {
                request.Data[i] = Segment(script, references);
            }
        }

        return request;
    }

    /// <summary>Most often a sector of the store or one near its end, rarely any number.</summary>
    private static ulong Sector(Script script) => script.Byte() switch
    {
        < 200 and var near => near,
        < 220 and var eighth => (ulong)(eighth - 200) * 8,
        _ => script.UInt64(),
    };

    private static BlockSegment Segment(Script script, uint[] references) =>
        new() { Reference = Reference(script, references), First = Unit(script), Last = Unit(script) };

    private static byte Unit(Script script) => script.Byte() is < 200 and byte unit ? (byte)(unit % 8) : script.Byte();

    private static uint Reference(Script script, uint[] references) =>
        script.Byte() is < 240 and byte choice ? references[choice % Pages] : script.UInt32();
}
