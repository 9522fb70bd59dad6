using Xenlet.XenBus;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>Back ends that connect and disconnect without end, and keep pages mapped.</summary>
public sealed class FlappingBackEndTests
{
    private const int Cycles = 1000;

    /// <summary>Pages of one connection with <see cref="NetworkOptions"/> as they are made: those for frames, and two rings.</summary>
    private const int PagesOfConnection = 256 + 256 + 2;

    [Fact]
    public async Task One_that_keeps_all_pages_mapped_gets_two_connections_worth_of_them_and_a_new_connection_once_it_lets_go()
    {
        ManualClock clock = new();
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { TimeProvider = clock });
        (NetworkInterface other, NetBackEnd otherBack) = await world.PlugAsync("1");
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        int others = world.Machine.Pages;
        List<NetBackEnd> connections = [back];
        for (int cycle = 0; cycle < Cycles; cycle++)
        {
            if (network.Connection is not null)
            {
                back = new(world.Host, world.Machine);
                await back.FrontBecomesAsync(XenBusState.Connected);
                await back.MapAsync();
                back.MapAllPages();
                connections.Add(back);
            }

            await FlapAsync(world, network, back);
            clock.Advance(ReconnectPace.Longest);
            Assert.InRange(world.Machine.Pages, 0, others + (2 * PagesOfConnection));
        }

        await world.Host.SeesAsync("vif/0", "domain 0 keeps", "pages of earlier connections mapped");
        Assert.InRange(network.Statistics.Connections, 2, 5);
        connections.ForEach(connection => connection.Unmap());
        await world.Host.UntilAsync(() =>
        {
            clock.Advance(ReconnectPace.Longest);
            return network.Connection is not null;
        });
        NetBackEnd honest = new(world.Host, world.Machine);
        await honest.ConnectAsync();
        await world.BecomesAsync(network, NetworkState.Up);
        Assert.True(honest.TryDeliver(NetWorld.Bytes(1, 99)));
        Assert.Equal(NetWorld.Bytes(1, 99), await NetWorld.ReceiveAsync(network));
        Assert.True(otherBack.TryDeliver(NetWorld.Bytes(2, 99)));
        Assert.Equal(NetWorld.Bytes(2, 99), await NetWorld.ReceiveAsync(other));
    }

    [Fact]
    public async Task One_that_keeps_nothing_is_answered_a_few_times_and_then_in_its_turn()
    {
        ManualClock clock = new();
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { TimeProvider = clock });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        back.Unmap();
        for (int cycle = 0; cycle < 20; cycle++)
        {
            await FlapAsync(world, network, back);
        }

        Assert.Equal(ReconnectPace.Free, network.Statistics.Connections);
        clock.Advance(ReconnectPace.Shortest);
        await back.ConnectAsync();
        await world.BecomesAsync(network, NetworkState.Up);
        Assert.Equal(ReconnectPace.Free + 1, network.Statistics.Connections);
    }

    [Fact]
    public async Task An_interface_that_waits_for_its_turn_can_be_taken_away()
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { TimeProvider = new ManualClock() });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        back.Unmap();
        for (int cycle = 0; cycle < ReconnectPace.Free; cycle++)
        {
            await FlapAsync(world, network, back);
        }

        Assert.True(IsWaitingToConnect(network));
        await world.Host.RemoveAsync("vif/0");
        await world.BecomesAsync(network, NetworkState.Gone);
        await world.Host.UntilAsync(() => world.Driver.Interfaces.Count == 0);
        await world.NothingIsLeftAsync();
    }

    [Fact]
    public void Pauses_double_from_the_shortest_to_the_longest_and_good_behaviour_is_remembered_after_five_minutes()
    {
        ManualClock clock = new();
        ReconnectPace pace = new(clock);
        List<double> pauses = [];
        for (int attempt = 0; attempt < 18; attempt++)
        {
            pauses.Add(pace.Pause.TotalSeconds);
            clock.Advance(pace.Pause);
            Assert.Equal(TimeSpan.Zero, pace.Pause);
            pace.Attempt();
        }

        Assert.Equal([0, 0, 0, 0, 0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60, 60], pauses);
        clock.Advance(TimeSpan.FromMinutes(5));
        pace.Attempt();
        Assert.Equal(TimeSpan.Zero, pace.Pause);
    }

    private static bool IsWaitingToConnect(NetworkInterface network) =>
        network.Device.Session is NetworkFrontEnd { IsWaitingToConnect: true };

    /// <summary>The back end closes and offers itself again; returns when the front end has connected or has decided to wait.</summary>
    private static async Task FlapAsync(NetWorld world, NetworkInterface network, NetBackEnd back)
    {
        await back.SetStateAsync(XenBusState.Closed);
        await world.Host.UntilAsync(() => network.Connection is null && network.Device.OtherEndState == XenBusState.Closed);
        await back.FrontBecomesAsync(XenBusState.Closed);
        await back.SetStateAsync(XenBusState.InitWait);
        await world.Host.UntilAsync(
            () => network.Device.OtherEndState == XenBusState.InitWait && (network.Connection is not null || IsWaitingToConnect(network)));
    }
}
