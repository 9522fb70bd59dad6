using Xenlet.BackEnds.Tests.Rings;
using Xenlet.Drivers.Tests;

namespace Xenlet.BackEnds.Tests.Hostile;

/// <summary>A hostile front end of a disk.</summary>
internal sealed class HostileDisk(HostileHost host, ToolStackDevice device, Random random, bool isReadOnly)
    : HostileFrontEnd(host, device, random)
{
    private static readonly BlockRequestKind[] Kinds =
    [
        BlockRequestKind.Read, BlockRequestKind.Write, BlockRequestKind.Write, BlockRequestKind.Indirect, BlockRequestKind.FlushDiskCache,
        BlockRequestKind.Discard,
    ];

    private RingPages _ring = null!;
    private TestPage _firstPage = null!;

    protected override IReadOnlyList<string> Nodes { get; } =
        [.. FrontEndOffer.RingNodes(3), "event-channel", "protocol", "feature-persistent"];

    public override ValueTask AttachAsync() =>
        Device.AttachAsync([("params", isReadOnly ? "r" : "w"), ("mode", isReadOnly ? "r" : "w")], []);

    protected override async Task OfferAsync()
    {
        int order = Next(3) - 1;
        (TestPage Page, uint Reference)[] pages = [Grant(), Grant()];
        pages = pages[..(1 << Math.Max(0, order))];
        _firstPage = pages[0].Page;
        _ring = new RingPages([.. pages.Select(page => page.Page)], RingPages.EntrySizeOf<BlockRequest, BlockResponse>(0));
        await WriteAsync("ring-page-order", order < 0 ? null : $"{order}");
        for (int i = 0; i < pages.Length; i++)
        {
            await WriteAsync(order < 0 ? "ring-ref" : $"ring-ref{i}", $"{pages[i].Reference}");
        }

        for (int i = 0; i < 30; i++)
        {
            Grant();
        }

        await WriteAsync("protocol", null);
        await WriteAsync("feature-persistent", $"{Next(2)}");
        await WriteAsync("event-channel", $"{OpenPort()}");
    }

    protected override void Request()
    {
        ref uint producer = ref BackRingTests.Word(_firstPage, RingPages.RequestProducer);
        bool isGood = Next(3) > 0;
        for (int i = Next(isGood ? 20 : 40); i >= 0; i--)
        {
            BlockRequestKind kind = isGood || Next(20) > 0 ? Kinds[Next(Kinds.Length)] : (BlockRequestKind)Next(256);
            BlockRequest request = new() { Kind = kind, Segments = (byte)Next(isGood ? 12 : 14), Sector = Sector(isGood) };
            if (kind == BlockRequestKind.Indirect)
            {
                request.IndirectKind = Kinds[Next(3)];
                request.IndirectSegments = (ushort)Next(80);
                request.IndirectReference = Reference();
            }
            else if (kind == BlockRequestKind.Discard)
            {
                request.Sectors = Sector(isGood);
            }
            else
            {
                for (int segment = 0; segment < Math.Min((int)request.Segments, BlockProtocol.DirectSegments); segment++)
                {
                    request.Data[segment] = new()
                    {
                        Reference = Reference(),
                        First = (byte)Next(isGood ? 5 : 9),
                        Last = (byte)(Next(isGood ? 4 : 5) + 4),
                    };
                }
            }

            _ring.Write(producer, in request);
            Volatile.Write(ref producer, producer + 1);
        }
    }

    private ulong Sector(bool isGood) =>
        isGood || Next(10) > 0 ? (ulong)Next(isGood ? 1900 : 2100) : ulong.MaxValue - (ulong)Next(3000);
}
