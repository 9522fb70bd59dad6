using System.Runtime.InteropServices;
using Xenlet.BackEnds.Tests.Rings.Planted;
using Xenlet.Drivers.Tests;
using Xenlet.Tests.SharedMemory;

namespace Xenlet.BackEnds.Tests.Rings;

/// <summary>
/// A ring's page changes under the back end, between any two reads of it and on another processor: never are more requests taken than the
/// ring has entries without a response.
/// </summary>
[Collection("changing memory")]
[CollectionDefinition("changing memory", DisableParallelization = true)]
public sealed class ChangingBackRingTests
{
    private const int Seeds = 400;

    [Fact]
    public void Whatever_each_read_of_the_page_gives_no_more_requests_are_taken_than_the_ring_holds() =>
        Assert.InRange((int)RewrittenCode.Run(Play, false, Seeds, false)!, Seeds / 10, Seeds * 9 / 10);

    [Fact]
    public void An_index_that_is_fetched_twice_is_caught() =>
        Assert.Throws<InvalidOperationException>(() => RewrittenCode.Run(Play, true, Seeds, false));

    [Fact]
    public void Whatever_another_processor_scribbles_no_more_requests_are_taken_than_the_ring_holds() => Play(false, Seeds / 20, true);

    /// <summary>Gives how often the front end was found to break the protocol.</summary>
    private static int Play(bool isPlanted, int seeds, bool isOnThread)
    {
        int broken = 0;
        for (int seed = 0; seed < seeds; seed++)
        {
            TestPage page = (TestPage)new TestMachine().Allocate();
            uint requests = (uint)new Random(seed).Next(1, 257);
            BackRingTests.Word(page, RingPages.RequestProducer) = requests;
            BackRing<ulong, ulong> ring = new([page]);
            TwiceFetchedRequests planted = new(new RingPages([page], sizeof(ulong)));
            nint start = Marshal.UnsafeAddrOfPinnedArrayElement(page.Bytes, 0);
            ChangingMemory memory = new(seed, start, [start + RingPages.RequestProducer, start + RingPages.ResponseEvent]);
            IDisposable? thread = isOnThread ? memory.OnThread() : null;
            PeerTurn.Act = isOnThread ? null : memory.Turn;
            int taken = 0;
            try
            {
                for (int look = 0; look < 300; look++)
                {
                    bool isTaken = isPlanted ? planted.TryTake() : ring.TryTake(out _) || (ring.FinalCheck() && ring.TryTake(out _));
                    taken += isTaken ? 1 : 0;
                    if (taken > 256)
                    {
                        throw new InvalidOperationException($"with seed {seed}: {taken} requests were taken of a ring of 256");
                    }
                }
            }
            catch (BrokenRingException)
            {
                broken++;
            }
            finally
            {
                PeerTurn.Act = null;
                thread?.Dispose();
            }
        }

        return broken;
    }
}
