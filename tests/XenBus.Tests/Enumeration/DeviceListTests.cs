namespace Xenlet.XenBus.Tests;

/// <summary>A bus's list of devices.</summary>
public sealed class DeviceListTests : IAsyncLifetime
{
    private readonly DeviceList _devices = new();
    private Host _host = null!;

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public void Devices_are_sorted_by_type_and_number()
    {
        foreach (string name in new[] { "vif/10", "vbd/51712", "vif/9", "vbd/768" })
        {
            Assert.True(_devices.TryAdd(Device(name)));
        }

        Assert.Equal(["vbd/768", "vbd/51712", "vif/9", "vif/10"], _devices.Sorted().Select(device => device.Name));
        Assert.Equal(4, _devices.All().Length);
    }

    [Fact]
    public void A_node_has_one_device_until_that_is_removed()
    {
        XenDevice first = Device("vbd/1");
        Assert.True(_devices.TryAdd(first));
        Assert.False(_devices.TryAdd(Device("vbd/1")));
        Assert.Same(first, _devices.Find("device/vbd/1"));

        _devices.Remove("device/vbd/1");

        Assert.Null(_devices.Find("device/vbd/1"));
        Assert.True(_devices.TryAdd(Device("vbd/1")));
    }

    private XenDevice Device(string name)
    {
        string[] parts = name.Split('/');
        return new(_host.Front(), parts[0], parts[1], "device/" + name, new(0, Host.BackEnd(name)));
    }
}
