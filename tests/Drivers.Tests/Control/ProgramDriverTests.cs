using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>Drivers that the program brings to the services, which run on an event loop.</summary>
public sealed class ProgramDriverTests : IAsyncLifetime
{
    private ControlHost _host = null!;

    public async Task InitializeAsync() => _host = await ControlHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task One_that_blocks_its_thread_holds_up_no_other_device_and_no_request()
    {
        using ManualResetEventSlim hold = new();
        TestDriver blocks = new("blocks", "clock")
        {
            OnAttach = (_, _) =>
            {
                hold.Wait();
                return default;
            },
        };
        TestDriver other = new("other", "lamp");
        await _host.StartServicesAsync(new() { FrontDrivers = [blocks, other] });
        await _host.AddDeviceAsync("clock/0");
        await _host.UntilAsync(() => Task.FromResult(blocks.Calls.Contains("attach clock/0")));
        await _host.AddDeviceAsync("lamp/0");
        await _host.UntilAsync(() => Task.FromResult(other.Calls.Contains("other end lamp/0 InitWait")));
        await _host.AskAsync("d", "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");
        Assert.Contains("clock/0  blocks  Initialising (attaching)", _host.Console, StringComparison.Ordinal);
        hold.Set();
        await _host.UntilAsync(() => Task.FromResult(blocks.Calls.Contains("other end clock/0 InitWait")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_is_called_on_the_loop_if_it_says_that_it_never_blocks_else_by_the_pool(bool neverBlocks)
    {
        bool isPool = false;
        EventLoop? loop = null;
        TestDriver driver = new("driver", "clock")
        {
            SaysItNeverBlocks = neverBlocks,
            OnAttach = (_, _) =>
            {
                (isPool, loop) = (Thread.CurrentThread.IsThreadPoolThread, EventLoop.Current);
                return default;
            },
        };
        await _host.StartServicesAsync(new() { FrontDrivers = [driver] });
        await _host.AddDeviceAsync("clock/0");
        await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("other end clock/0 InitWait")));
        Assert.Equal((!neverBlocks, neverBlocks ? _host.Services!.Store.Loop : null), (isPool, loop));
    }
}
