namespace Xenlet.Drivers.Tests;

/// <summary>What a ring's slots can carry is more than a frame may have.</summary>
public sealed class OversizedFrameTests
{
    private const int MostOfAChain = 19 * 4096;

    [Fact]
    public async Task A_frame_over_65535_bytes_is_dropped_and_counted_and_the_next_one_comes()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        foreach (int length in (int[])[65_535, 65_536, MostOfAChain, 1514])
        {
            Assert.True(back.TryDeliver(NetWorld.Bytes(length, length)));
        }

        Assert.Equal(NetWorld.Bytes(65_535, 65_535), await NetWorld.ReceiveAsync(network));
        Assert.Equal(NetWorld.Bytes(1514, 1514), await NetWorld.ReceiveAsync(network));
        Assert.Equal((2L, 2L, 0L), (network.Statistics.ReceivedFrames, network.Statistics.ReceiveGiants, network.Statistics.ReceiveErrors));
    }
}
