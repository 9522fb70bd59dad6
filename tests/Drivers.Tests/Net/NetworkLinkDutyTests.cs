using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;

namespace Xenlet.Drivers.Tests;

/// <summary>What a link owes its stack besides frames: channels to watch, groups, rests, and an account of what it cannot send.</summary>
public sealed class NetworkLinkDutyTests
{
    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task The_stack_is_given_the_channels_of_each_connection_once_before_it_rests(bool isSplit, int channels)
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        Dictionary<string, string> features = NetBackEnd.LinuxFeatures
            .Where(feature => isSplit || feature.Key != "feature-split-event-channels").ToDictionary();
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync(features: features);
        await thread.UntilAsync(() => thread.Link.State == NetworkState.Up, "the first connection");
        Assert.Equal(channels, thread.Watched.Count);
        Assert.Equal(channels, thread.Watched.Distinct().Count());

        await back.SetStateAsync(XenBusState.Closing);
        await thread.UntilAsync(() => thread.Link.State == NetworkState.Closed, "the end of the connection");
        await back.FrontBecomesAsync(XenBusState.Closed);
        back.Unmap();
        await back.SetStateAsync(XenBusState.InitWait);
        await back.ConnectAsync();
        while (thread.Link.State != NetworkState.Up)
        {
            await Task.Yield();
        }

        Assert.False(thread.Link.TryRest(), "the stack rests without having looked at the rings of a new connection");
        Assert.Null(thread.Link.TryReceive(thread.Pool));
        Assert.Equal(2 * channels, thread.Watched.Distinct().Count());
        Assert.True(thread.Link.TryRest(), "there is nothing to take, and the stack may not rest");
    }

    [Fact]
    public async Task Groups_are_joined_and_left_at_a_back_end_that_is_to_filter()
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread, FiltersMulticast = true });
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync();
        MacAddress group = MacAddress.Parse("33:33:00:00:00:01");
        thread.Link.SetMulticast(group, isJoined: true);
        await world.Host.UntilAsync(() => back.TakeSent().Count == 0 && back.Multicast.ContainsKey(group));
        thread.Link.SetMulticast(group, isJoined: false);
        await world.Host.UntilAsync(() => back.TakeSent().Count == 0 && back.Multicast.IsEmpty);
    }

    [Theory]
    [InlineData(13)]
    [InlineData(65_536)]
    public async Task A_frame_that_is_none_is_counted_and_its_buffer_comes_back(int length)
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        await thread.UntilAsync(() => thread.Link.State == NetworkState.Up, "the connection");
        PacketBuffer packet = thread.Pool.Rent(Math.Min(length, PacketBuffer.LargestPacket));
        packet.Append(Math.Min(length, PacketBuffer.LargestPacket));
        if (length > PacketBuffer.LargestPacket)
        {
            packet.Prepend(length - PacketBuffer.LargestPacket);
        }

        Assert.Equal(length, packet.Length);
        Assert.True(thread.Link.TrySend(packet));
        thread.Link.Flush();
        Assert.Empty(back.TakeSent());
        Assert.Equal((1, 0), (network.Statistics.SendUnsupportedDrops, thread.Pool.Rented));
    }
}
