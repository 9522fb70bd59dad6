namespace Xenlet.XenBus.Tests;

/// <summary>The example of docs/xenbus.md.</summary>
public sealed class ClockDriverTests
{
    [Fact]
    public async Task The_documents_example_connects_reads_the_time_and_closes()
    {
        await using Host host = await Host.StartAsync();
        await host.AddAsync("clock/0");
        FrontBus bus = await host.StartFrontAsync(new ClockDriver());
        XenDevice device = Assert.Single(bus.Devices);
        await host.UntilAsync(() => device.State == XenBusState.Initialised);
        Assert.Equal("seconds", await host.Dom0.ReadAsync(Host.Home + "/device/clock/0/format"));
        await host.Dom0.WriteAsync(Host.BackEnd("clock/0") + "/time", 1234567890);
        await host.SetBackStateAsync("clock/0", XenBusState.Connected);
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
        Assert.Equal(1234567890L, Assert.IsType<Clock>(device.Session).Time);
        await host.SetBackStateAsync("clock/0", XenBusState.Closing);
        await host.UntilAsync(() => device.State == XenBusState.Closed);
    }

    [Fact]
    public void The_document_shows_this_example()
    {
        DirectoryInfo root = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Directory.Packages.props")))
        {
            root = root.Parent!;
        }

        Assert.Contains(
            File.ReadAllText(Path.Combine(root.FullName, "tests/XenBus.Tests/ClockDriver.cs")),
            File.ReadAllText(Path.Combine(root.FullName, "docs/xenbus.md")), StringComparison.Ordinal);
    }
}
