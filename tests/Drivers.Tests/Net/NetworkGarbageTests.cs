namespace Xenlet.Drivers.Tests;

/// <summary>What frames cost the collector. Nothing else may run in the process meanwhile.</summary>
[Collection(Name)]
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class NetworkGarbageTests
{
    private const string Name = "network garbage";

    [Fact]
    public async Task In_steady_state_a_frame_makes_no_garbage()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        byte[] data = new byte[1514];
        long before = 0;
        const int Rounds = 400;
        const int Batch = 100;
        for (int round = 0; round < 2 * Rounds; round++)
        {
            if (round == Rounds)
            {
                before = GC.GetTotalAllocatedBytes(precise: true);
            }

            for (int i = 0; i < Batch; i++)
            {
                FrameBuffer frame = network.RentFrame(1514);
                frame.Length = 1514;
                data.CopyTo(frame.Data);
                Assert.True(network.TrySend(frame));
                back.Transmit.TryTake(out TransmitRequest request);
                back.Transmit.Put(new() { Id = request.Id });
                back.Transmit.Publish();
                Assert.True(back.TryDeliver(data, publishes: false));
            }

            back.PublishReceived();
            for (int i = 0; i < Batch; i++)
            {
                using FrameBuffer frame = await network.ReceiveAsync();
            }
        }

        // What there is comes from the test's event channel, a few times for each batch; a frame's own garbage would be a hundred times
        // that.
        long perFrame = (GC.GetTotalAllocatedBytes(precise: true) - before) / (Rounds * Batch);
        Assert.InRange(perFrame, 0, 40);
    }
}
