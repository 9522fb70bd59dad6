using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.BackEnds.Tests.Sessions;

/// <summary>Front ends that connect over and over, each time at the price of mappings, a port and transactions.</summary>
public sealed class ReconnectTests
{
    [Fact]
    public async Task A_front_end_that_comes_too_often_waits_for_pauses_that_double_and_is_connected_when_one_is_over()
    {
        await using BackEndHost host = await BackEndHost.StartAsync();
        ManualClock clock = host.Clock;
        await host.AttachAsync();
        await host.UntilBackAsync(XenBusState.InitWait);
        using ISharedPage page = host.FrontMachine.Allocate();
        await host.Host.Dom0.WriteAsync(BackEndHost.Front + "/ring-ref", page.Grant((ushort)Host.Guest).Reference);

        // There is no such port, which the back end finds when it has mapped the ring.
        await host.Host.Dom0.WriteAsync(BackEndHost.Front + "/event-channel", 99);
        for (int i = 0; i < ReconnectPace.Free; i++)
        {
            await ComeAsync(host);
            await GoAsync(host);
        }

        await ComeAsync(host);
        await WaitsAsync(host, clock, ReconnectPace.Shortest);
        await GoAsync(host);

        using IEventChannel channel = host.FrontMachine.AllocateUnbound((ushort)Host.Guest);
        await host.Host.Dom0.WriteAsync(BackEndHost.Front + "/event-channel", channel.Port);
        await ComeAsync(host);
        await WaitsAsync(host, clock, 2 * ReconnectPace.Shortest);
        await host.UntilBackAsync(XenBusState.Connected);

        // The pause that is over is none for what follows.
        await host.DetachAsync();
        await host.Host.Dom0.WriteAsync(BackEndHost.Front + "/state", (long)XenBusState.Closed);
        await host.UntilBackAsync(XenBusState.Closed);
        Assert.Equal((0, 0), (host.Machine.Mapped, host.Machine.Channels));
    }

    private static ValueTask ComeAsync(BackEndHost host) =>
        host.Host.Dom0.WriteAsync(BackEndHost.Front + "/state", (long)XenBusState.Initialised);

    private static async Task GoAsync(BackEndHost host)
    {
        await host.UntilBackAsync(XenBusState.Closed);
        await host.Host.Dom0.WriteAsync(BackEndHost.Front + "/state", (long)XenBusState.Initialising);
        await host.UntilBackAsync(XenBusState.InitWait);
    }

    /// <summary>The back end has seen the front end, and does nothing until the pause is over.</summary>
    private static async Task WaitsAsync(BackEndHost host, ManualClock clock, TimeSpan pause)
    {
        XenDevice device = host.BackBus.Devices.Single();
        await host.Host.UntilAsync(() => device.OtherEndState == XenBusState.Initialised);
        foreach (TimeSpan part in (TimeSpan[])[TimeSpan.Zero, pause - TimeSpan.FromMilliseconds(1)])
        {
            clock.Advance(part);
            await host.Host.DrainDevicesAsync(host.BackBus);
            Assert.Equal((XenBusState.InitWait, 0), (device.State, host.Machine.Mapped));
        }

        clock.Advance(TimeSpan.FromMilliseconds(1));
    }
}
