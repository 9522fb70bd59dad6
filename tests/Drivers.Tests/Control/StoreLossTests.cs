using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Tests;

/// <summary>A guest whose xenstored is replaced, or does not answer for a while.</summary>
public sealed class StoreLossTests : IAsyncLifetime
{
    private ControlHost _host = null!;

    public async Task InitializeAsync() => _host = await ControlHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_guest_whose_xenstored_is_exchanged_says_so_and_serves_tool_stack_and_devices_over_the_next()
    {
        TestDriver driver = new();
        await _host.AddDeviceAsync("vbd/1");
        await _host.StartServicesAsync(new() { FrontDrivers = [driver], Store = _host.Patient });
        await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("attach vbd/1")));

        await _host.RestartStoreAsync();
        // It is found out though the guest asks for nothing.
        await _host.PassingTimeAsync(() => _host.Console.Contains("xenlet: no connection to xenstore: ", StringComparison.Ordinal));
        await _host.PassingTimeAsync(() => _host.Console.Contains("xenlet: xenstore is connected again\n", StringComparison.Ordinal));

        // Devices, features and requests of the new one.
        await _host.AddDeviceAsync("vbd/2");
        await _host.UntilAsync(
            () => Task.FromResult(_host.Services!.FrontBus.Devices is [{ Name: "vbd/2", Phase: XenDevicePhase.Attached }]));
        await _host.UntilAsync(async () => await _host.Dom0.TryReadAsync(ControlHost.Home + "/control/feature-suspend") == "1");
        await _host.UntilAsync(async () => await _host.Dom0.TryReadAsync(ControlHost.Home + "/feature/hotplug/vbd") == "1");
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
    }

    [Fact]
    public async Task A_request_that_could_not_be_read_is_carried_out_when_it_can_be()
    {
        await _host.StartServicesAsync();
        await SetRightsAsync(XenStoreRights.None);
        await _host.Dom0.WriteAsync(ControlHost.Home + "/control/shutdown", "poweroff");
        await _host.SeesAsync("xenlet: control/shutdown cannot be read: ");
        Assert.Empty(_host.Machine.Calls);
        await SetRightsAsync(XenStoreRights.ReadWrite);
        await _host.PassingTimeAsync(() => !_host.Machine.Calls.IsEmpty);
        Assert.Equal(["terminate"], _host.Machine.Calls);
        Assert.Single(_host.Console.Split('\n'), line => line.Contains("cannot be read", StringComparison.Ordinal));
    }

    private async Task SetRightsAsync(XenStoreRights rights) => await _host.Dom0.SetPermissionsAsync(
        ControlHost.Home + "/control/shutdown", [new(0, XenStoreRights.None), new(1, rights)]);
}
