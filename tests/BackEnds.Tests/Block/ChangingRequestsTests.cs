using System.Runtime.InteropServices;
using Xenlet.BackEnds.Block;
using Xenlet.BackEnds.Tests.Block.Planted;
using Xenlet.BackEnds.Tests.Hostile;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.Tests.SharedMemory;

namespace Xenlet.BackEnds.Tests.Block;

/// <summary>
/// Requests, and lists of segments in a page that stays mapped, change between any two reads of the back end: never does its store get a
/// call that makes no sense.
/// </summary>
[Collection("changing memory")]
public sealed class ChangingRequestsTests
{
    private const int Seeds = 60;
    private const int Rounds = 8;
    private const ushort Self = 1;

    /// <summary>A front end breaks its ring sooner or later, but not before most requests of most rounds are carried out.</summary>
    [Fact]
    public void Whatever_each_read_of_a_request_gives_the_store_gets_no_call_that_it_does_not_allow() =>
        Assert.InRange((int)RewrittenCode.Run(Play, false, Seeds)!, Seeds, Seeds * Rounds * 8);

    [Fact]
    public void A_request_that_is_fetched_twice_is_caught() =>
        Assert.Throws<InvalidOperationException>(() => RewrittenCode.Run(Play, true, Seeds));

    /// <summary>Gives the number of calls of the stores.</summary>
    private static int Play(bool isPlanted, int seeds)
    {
        int calls = 0;
        for (int seed = 0; seed < seeds; seed++)
        {
            StrictStore store = new(96 * BlockProtocol.Unit, isReadOnly: seed % 2 == 0, isImmediate: true);
            TestMachine front = new();
            BackEndMachine machine = new(front, Self);
            TestPage ring = (TestPage)front.Allocate();
            TestPage list = (TestPage)front.Allocate();
            using FrontEndPages pages = new(machine, domain: 0, maximum: 4);
            IForeignPage[] mapped =
                pages.MapAsync(new[] { ring.Grant(Self).Reference }, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            using TestChannel channel = (TestChannel)front.AllocateUnbound(Self);
            using IEventChannel bound = machine.BindInterdomain(0, channel.Port);
            BlockTransfer transfer = new(store, store.IsReadOnly, machine, domain: 0, pages);
            BackRing<BlockRequest, BlockResponse> back = new(mapped);
            BlockServer server = new(back, transfer, bound, new(), static _ => { });
            Request(ring, list, list.Grant(Self).Reference, new Random(seed));
            nint first = Marshal.UnsafeAddrOfPinnedArrayElement(ring.Bytes, 0);
            ChangingMemory ofRing = new(seed, first, [first + RingPages.RequestProducer]) { Next = first + 64 + 16 };
            ChangingMemory ofList = new(seed, Marshal.UnsafeAddrOfPinnedArrayElement(list.Bytes, 0), [first + RingPages.ResponseEvent]);
            PeerTurn.Act = () =>
            {
                ofRing.Turn();
                ofList.Turn();
            };
            try
            {
                for (int round = 0; round < Rounds && !IsBroken(back); round++)
                {
                    if (isPlanted)
                    {
                        TwiceFetchedSector.Serve(ring, store);
                    }
                    else
                    {
                        _ = server.DrainAsync(CancellationToken.None);
                    }
                }
            }
            finally
            {
                PeerTurn.Act = null;
            }

            if (store.Violation is { } violation)
            {
                throw new InvalidOperationException($"with seed {seed}: {violation}");
            }

            calls += store.Calls;
        }

        return calls;
    }

    private static bool IsBroken(BackRing<BlockRequest, BlockResponse> ring)
    {
        try
        {
            _ = ring.CountWaiting();
            return false;
        }
        catch (BrokenRingException)
        {
            return true;
        }
    }

    /// <summary>Fills the ring with reads, writes and discards, direct and with a list, and publishes a few.</summary>
    private static void Request(TestPage ring, TestPage list, uint reference, Random random)
    {
        Span<BlockSegment> segments = MemoryMarshal.Cast<byte, BlockSegment>(list.Bytes.AsSpan());
        segments.Fill(new() { Reference = reference, First = 1, Last = 2 });
        RingPages entries = new([ring], RingPages.EntrySizeOf<BlockRequest, BlockResponse>(0));
        for (uint i = 0; i < entries.Count; i++)
        {
            BlockRequest request = RawFrontEnd.Move((BlockRequestKind)random.Next(2), (ulong)random.Next(100), reference);
            if (random.Next(3) == 0)
            {
                request = new()
                {
                    Kind = BlockRequestKind.Indirect,
                    IndirectKind = (BlockRequestKind)random.Next(2),
                    IndirectSegments = (ushort)random.Next(1, 30),
                    IndirectReference = reference,
                    Sector = (ulong)random.Next(100),
                };
            }

            entries.Write(i, in request);
        }

        entries.Store(RingPages.RequestProducer, 8);
    }
}
