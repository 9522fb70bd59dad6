using System.Globalization;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>The driver on its bus, over a real xenstored, with the test as the tool stack and the back end.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class BlockDriverTests : IAsyncLifetime
{
    private const string Disk = "vbd/51712";
    private static readonly string BackEnd = Host.BackEnd(Disk);
    private readonly TestMachine _machine = new();
    private readonly byte[] _data = TestConnection.Pattern(1 << 20);
    private Host _host = null!;
    private BlockDriver _driver = null!;
    private FrontBus _bus = null!;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync();
        _driver = new BlockDriver(_machine, _machine);
        _bus = await _host.StartFrontAsync(_driver, new() { ShutdownTimeLimit = TestConnection.Patience });
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        _driver.Dispose();
        Assert.Equal(0, _machine.Channels);
    }

    public static TheoryData<string, string, string> Garbage => new()
    {
        { "sectors", "", "sectors is ''" },
        { "sectors", "-1", "sectors is '-1'" },
        { "sectors", "18014398509481984", "sectors is '18014398509481984'" },
        { "sectors", "many", "sectors is 'many'" },
        { "sector-size", "3", "sector-size is '3'" },
        { "sector-size", "768", "sector-size is '768'" },
        { "sector-size", "0", "sector-size is '0'" },
        { "sector-size", "1073741824", "sector-size is '1073741824'" },
        { "physical-sector-size", "99999999999", "physical-sector-size is" },
        { "info", "0x4", "info is '0x4'" },
        { "feature-flush-cache", "yes", "feature-flush-cache is 'yes'" },
        { "feature-barrier", "-1", "feature-barrier is" },
        { "feature-discard", "\u00ff", "feature-discard is" },
        { "discard-granularity", "99999999999999999999", "discard-granularity is" },
        { "feature-max-indirect-segments", "-5", "feature-max-indirect-segments is" },
        { "max-ring-page-order", "-1", "max-ring-page-order is" },
    };

    [Fact]
    public async Task What_a_disk_has_done_is_in_the_device_tree_and_in_a_report()
    {
        await _host.AddAsync(Disk);
        Assert.Equal("xvda: not connected yet", await ReportAsync());
        await ConnectAsync();
        BlockDevice disk = await _driver.WaitForAsync("xvda").AsTask().WaitAsync(TestConnection.Patience);
        await disk.WriteAsync(0, new byte[8192]).AsTask().WaitAsync(TestConnection.Patience);
        await disk.ReadAsync(0, new byte[512]).AsTask().WaitAsync(TestConnection.Patience);
        await disk.FlushAsync().AsTask().WaitAsync(TestConnection.Patience);
        await disk.DiscardAsync(0, 4096).AsTask().WaitAsync(TestConnection.Patience);
        const string Expected =
            "xvda: 1048576 bytes in sectors of 512; reads 1, read bytes 512, writes 1, written bytes 8192, flushes 1, discards 1, "
            + "connections 1";
        Assert.Equal(Expected, await ReportAsync());
        Assert.Contains($"\n      {Expected}\n", DeviceTree.Format(_bus), StringComparison.Ordinal);

        async Task<string> ReportAsync()
        {
            await _host.UntilAsync(() => Report().Length > 0);
            return Report();
        }

        string Report()
        {
            using StringWriter text = new(CultureInfo.InvariantCulture);
            _driver.WriteReport(text);
            return text.ToString().TrimEnd();
        }
    }

    [Fact]
    public async Task A_disk_connects_reads_and_writes_and_is_unplugged_without_a_trace()
    {
        await _host.AddAsync(Disk);
        TestDisk back = await ConnectAsync();
        BlockDevice disk = await _driver.WaitForAsync("xvda").AsTask().WaitAsync(TestConnection.Patience);
        Assert.Equal((1 << 20, 512, false, true, true), (disk.Length, disk.SectorSize, disk.IsReadOnly, disk.CanFlush, disk.CanDiscard));
        Assert.Same(disk, Assert.Single(_driver.Devices));
        Assert.Equal("x86_64-abi", await FrontAsync("protocol"));
        Assert.Equal("1", await FrontAsync("feature-persistent"));
        Assert.Equal("1", await FrontAsync("ring-page-order"));
        byte[] read = new byte[_data.Length];
        await disk.ReadAsync(0, read).AsTask().WaitAsync(TestConnection.Patience);
        Assert.Equal(_data, read);

        await _host.SetBackStateAsync(Disk, XenBusState.Closing);
        await BecomesAsync(XenBusState.Closed);
        Assert.Empty(_driver.Devices);
        Assert.Throws<BlockDeviceGoneException>(() => { _ = disk.ReadAsync(0, read); });
        back.Dispose();
        await _host.RemoveAsync(Disk);
        await _host.SeesAsync(": departed");
        Assert.Equal((0, 0, 0), (_machine.Pages, _machine.Grants, _machine.Channels));
    }

    [Theory]
    [InlineData("51712", "xvda")]
    [InlineData("51729", "xvdb1")]
    [InlineData("268442112", "xvdaa")]
    [InlineData("2049", "sda1")]
    [InlineData("832", "hdb")]
    [InlineData("5632", "hdc")]
    [InlineData("4096", "vbd-4096")]
    public void A_disks_name_is_the_one_in_the_domains_configuration(string number, string name) =>
        Assert.Equal(name, DiskName.Of(uint.Parse(number, CultureInfo.InvariantCulture)));

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task A_back_end_that_says_garbage_loses_its_device_and_the_error_says_what_it_said(
        string node, string value, string message)
    {
        await _host.AddAsync(Disk);
        await WriteFeaturesAsync();
        await _host.Dom0.WriteAsync($"{BackEnd}/{node}", value);
        await _host.SetBackStateAsync(Disk, XenBusState.InitWait);
        if (node != "max-ring-page-order")
        {
            await BecomesAsync(XenBusState.Initialised);
            await _host.SetBackStateAsync(Disk, XenBusState.Connected);
        }

        await BecomesAsync(XenBusState.Closed);
        await _host.SeesAsync(message);
        await _host.HasErrorAsync(Disk, message);
        Assert.Empty(_driver.Devices);
        await _host.UntilAsync(() => _machine is { Pages: 0, Grants: 0, Channels: 0 });
    }

    [Fact]
    public async Task A_back_end_that_does_not_say_its_size_loses_its_device()
    {
        await _host.AddAsync(Disk);
        await _host.SetBackStateAsync(Disk, XenBusState.Connected);
        await BecomesAsync(XenBusState.Closed);
        await _host.SeesAsync("how many sectors");
    }

    [Fact]
    public async Task A_disk_is_resized_while_it_is_connected()
    {
        await _host.AddAsync(Disk);
        using TestDisk back = await ConnectAsync();
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        TaskCompletionSource changed = new();
        disk.LengthChanged += (_, _) => changed.TrySetResult();
        await _host.Dom0.WriteAsync(BackEnd + "/sectors", 4096);
        await _host.SetBackStateAsync(Disk, XenBusState.Connected);
        await changed.Task.WaitAsync(TestConnection.Patience);
        Assert.Equal(2 << 20, disk.Length);
        await _host.Dom0.WriteAsync(BackEnd + "/sectors", "-7");
        await _host.SetBackStateAsync(Disk, XenBusState.Connected);
        await BecomesAsync(XenBusState.Closed);
        // The bus closes a device whose driver failed, and then detaches the driver.
        await _host.UntilAsync(() => !disk.IsPresent);
        Assert.Throws<BlockDeviceGoneException>(() => { _ = disk.ReadAsync(0, new byte[512]); });
    }

    [Fact]
    public async Task A_disk_in_use_says_so_when_it_is_to_be_unplugged_works_on_and_closes_when_it_is_released()
    {
        await _host.AddAsync(Disk);
        using TestDisk back = await ConnectAsync();
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        using (BlockStream stream = new(disk))
        {
            await _host.SetBackStateAsync(Disk, XenBusState.Closing);
            await _host.HasErrorAsync(Disk, "xvda is in use");
            Assert.Equal(_data[0], stream.ReadByte());
            await _host.SettleAsync(_bus);
            Assert.Equal(XenBusState.Connected, await _host.FrontStateAsync(Disk));
        }

        await BecomesAsync(XenBusState.Closed);
        Assert.False(disk.IsPresent);
    }

    [Fact]
    public async Task An_unplug_waits_for_what_is_under_way_refuses_what_is_new_and_is_not_the_disk_that_somebody_waits_for()
    {
        await _host.AddAsync(Disk);
        using TestDisk back = await ConnectAsync(start: false);
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        byte[] read = new byte[4096];
        Task underWay = disk.ReadAsync(0, read).AsTask();
        await UnplugAsync(disk);
        Assert.Throws<BlockDeviceGoneException>(() => { _ = disk.ReadAsync(0, new byte[512]); });
        using CancellationTokenSource cancellation = new();
        Task<BlockDevice> next = _driver.WaitForAsync("xvda", cancellation.Token).AsTask();
        Assert.False(next.IsCompleted, "a wait for xvda ought not to give the disk that is being unplugged");
        Assert.False(underWay.IsCompleted);
        back.Start();
        await underWay.WaitAsync(TestConnection.Patience);
        Assert.Equal(_data[..4096], read);
        await BecomesAsync(XenBusState.Closed);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public async Task When_the_domain_ends_a_disk_in_use_is_closed_after_what_is_under_way_has_reached_it()
    {
        await _host.AddAsync(Disk);
        using TestDisk back = await ConnectAsync(start: false);
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        using IDisposable use = disk.Use();

        // Closed at the same time, so that its Closing shows that the disk's driver was called too.
        const string Other = "clock/0";
        _bus.AddDriver(TestDriver.Connecting());
        await _host.AddAsync(Other, backState: XenBusState.Connected);
        await _host.UntilAsync(async () => await _host.FrontStateAsync(Other) == XenBusState.Connected);

        // More than the ring holds.
        byte[] data = TestConnection.Pattern(300 * 512, seed: 2);
        Task[] writes = [.. Enumerable.Range(0, 300).Select(i => disk.WriteAsync(i * 512, data.AsMemory(i * 512, 512)).AsTask())];
        Task<ShutdownReport> end = _bus.ShutdownAsync();
        await _host.UntilAsync(async () => await _host.FrontStateAsync(Other) == XenBusState.Closing);
        await _host.SetBackStateAsync(Other, XenBusState.Closed);
        await _host.UntilAsync(async () => await _host.FrontStateAsync(Other) == XenBusState.Closed);
        Assert.Equal(XenBusState.Connected, await _host.FrontStateAsync(Disk));
        Assert.False(writes[0].IsCompleted);

        back.Start();
        await BecomesAsync(XenBusState.Closing);
        await Task.WhenAll(writes).WaitAsync(TestConnection.Patience);
        Assert.Equal(data, _data[..data.Length]);
        await _host.SetBackStateAsync(Disk, XenBusState.Closing);
        await BecomesAsync(XenBusState.Closed);
        await _host.SetBackStateAsync(Disk, XenBusState.Closed);
        ShutdownReport report = await end.WaitAsync(TestConnection.Patience);
        Assert.True(report.IsComplete, report.ToString());
        Assert.True(disk.IsPresent, "threads of a program that is over are told nothing");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_back_end_ends_or_vanishes_every_operation_fails_and_pages_that_it_still_maps_are_kept_aside(bool vanishes)
    {
        await _host.AddAsync(Disk);
        TestDisk back = await ConnectAsync(start: false);
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        Task[] reads = [.. Enumerable.Range(0, 200).Select(_ => disk.ReadAsync(0, new byte[4096]).AsTask())];
        if (vanishes)
        {
            await _host.RemoveAsync(Disk);
        }
        else
        {
            await _host.SetBackStateAsync(Disk, XenBusState.Closed);
        }

        foreach (Task read in reads)
        {
            await Assert.ThrowsAsync<BlockDeviceGoneException>(() => read.WaitAsync(TestConnection.Patience));
        }

        // Channels end before pages. Only the ring is left, which the back end has mapped.
        await _host.UntilAsync(() => _machine is { Channels: 0, Pages: 2, HeldPages: 2 });
        back.Dispose();
        Assert.Equal((0, 0), (_machine.Pages, _machine.Grants));
    }

    [Fact]
    public async Task What_was_under_way_at_a_suspend_is_sent_again_first_and_in_its_old_order_to_the_new_back_end()
    {
        await _host.AddAsync(Disk);
        TestDisk back = await ConnectAsync(start: false);
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        Task[] before = [.. Enumerable.Range(0, 100).Select(i => disk.WriteAsync(i * 512, new byte[512]).AsTask())];
        back.Take();
        Task during = Task.CompletedTask;
        await _host.SuspendAsync(async () =>
        {
            during = disk.WriteAsync(100 * 512, new byte[512]).AsTask();
            back.Dispose();
            _machine.Resume();
            await _host.RemoveAsync(Disk);
            await _host.AddAsync(Disk);
            await _host.Dom0.WriteAsync(BackEnd + "/max-ring-page-order", 0);
        });
        using TestDisk next = await ConnectAsync(order: 0);
        await Task.WhenAll([.. before, during]).WaitAsync(TestConnection.Patience);
        Assert.Equal(Enumerable.Range(0, 101).Select(i => (ulong)i), next.Requests.Select(request => request.Sector));
        Assert.Null(await _host.Dom0.TryReadAsync($"{Host.Home}/device/{Disk}/ring-page-order"));
        Assert.Same(disk, Assert.Single(_driver.Devices));
        Assert.Equal(-1, _data.AsSpan(0, 101 * 512).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public async Task An_unplug_that_a_suspend_interrupts_is_forgotten_and_a_wait_gives_the_disk_again()
    {
        await _host.AddAsync(Disk);
        TestDisk back = await ConnectAsync(start: false);
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        Task underWay = disk.ReadAsync(0, new byte[4096]).AsTask();
        await UnplugAsync(disk);
        Task<BlockDevice> next = _driver.WaitForAsync("xvda").AsTask();
        await _host.SuspendAsync(async () =>
        {
            back.Dispose();
            _machine.Resume();
            await _host.RemoveAsync(Disk);
            await _host.AddAsync(Disk);
        });
        using TestDisk again = await ConnectAsync();
        Assert.Same(disk, await next.WaitAsync(TestConnection.Patience));
        await underWay.WaitAsync(TestConnection.Patience);
    }

    [Fact]
    public async Task After_a_cancelled_suspend_answers_that_came_meanwhile_are_taken()
    {
        await _host.AddAsync(Disk);
        using TestDisk back = await ConnectAsync(start: false);
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        Task read = disk.ReadAsync(0, new byte[4096]).AsTask();
        Task during = Task.CompletedTask;
        await _host.CancelSuspendAsync(() =>
        {
            back.Serve();
            during = disk.ReadAsync(0, new byte[4096]).AsTask();
            Assert.False(read.IsCompleted);
            return Task.CompletedTask;
        });
        await read.WaitAsync(TestConnection.Patience);
        back.Start();
        await during.WaitAsync(TestConnection.Patience);
    }

    [Fact]
    public async Task A_disk_that_comes_back_with_other_sectors_is_closed()
    {
        await _host.AddAsync(Disk);
        TestDisk back = await ConnectAsync();
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        await _host.SuspendAsync(async () =>
        {
            back.Dispose();
            _machine.Resume();
            await _host.RemoveAsync(Disk);
            await _host.AddAsync(Disk);
        });
        Task read = disk.ReadAsync(0, new byte[512]).AsTask();
        await WriteFeaturesAsync();
        await _host.Dom0.WriteAsync(BackEnd + "/sector-size", 4096);
        await _host.SetBackStateAsync(Disk, XenBusState.InitWait);
        await BecomesAsync(XenBusState.Initialised);
        await _host.SetBackStateAsync(Disk, XenBusState.Connected);
        await BecomesAsync(XenBusState.Closed);
        await Assert.ThrowsAsync<BlockDeviceGoneException>(() => read.WaitAsync(TestConnection.Patience));
    }

    /// <summary>Any state at any time, with I/O: afterwards a disk set up anew works.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Whatever_states_a_back_end_goes_through_every_operation_ends_and_the_disk_set_up_anew_works(int seed)
    {
        Random random = new(seed);
        List<Task> operations = [];
        List<TestDisk> disks = [];
        for (int round = 0; round < 8; round++)
        {
            await _host.AddAsync(Disk);
            await WriteFeaturesAsync();
            for (int step = random.Next(12); step > 0; step--)
            {
                switch (random.Next(6))
                {
                    case 0:
                        await _host.Dom0.WriteAsync(BackEnd + "/state", random.Next(-1, 10));
                        break;
                    case 1:
                        await _host.SetBackStateAsync(Disk, XenBusState.InitWait);
                        break;
                    case 2:
                        await _host.SetBackStateAsync(Disk, XenBusState.Connected);
                        break;
                    case 3:
                        foreach (BlockDevice device in _driver.Devices)
                        {
                            try
                            {
                                operations.Add(device.WriteAsync(0, new byte[8192]).AsTask());
                            }
                            catch (BlockDeviceGoneException)
                            {
                            }
                        }

                        break;
                    case 4:
                        await Task.Delay(random.Next(20));
                        break;
                    case 5 when random.Next(3) == 0:
                        await _host.SuspendAsync(() =>
                        {
                            _machine.Resume();
                            return Task.CompletedTask;
                        });
                        break;
                }
            }

            await _host.RemoveAsync(Disk);

            // A driver frees its pages before its device leaves the bus; its last write must not go to the next device's directory.
            await _host.UntilAsync(() => _machine is { Pages: 0, Channels: 0 } && _bus.Devices.Count == 0);
        }

        foreach (Task operation in operations)
        {
            await Assert.ThrowsAsync<BlockDeviceGoneException>(() => operation.WaitAsync(TestConnection.Patience));
        }

        await _host.AddAsync(Disk);
        using TestDisk back = await ConnectAsync();
        BlockDevice disk = await _driver.WaitForAsync("xvda").AsTask().WaitAsync(TestConnection.Patience);
        await disk.ReadAsync(0, new byte[512]).AsTask().WaitAsync(TestConnection.Patience);
    }

    [Fact]
    public async Task A_broken_ring_closes_the_disk_and_the_error_node_says_why()
    {
        await _host.AddAsync(Disk);
        using TestDisk back = await ConnectAsync(start: false);
        BlockDevice disk = await _driver.WaitForAsync("xvda");
        back.Ring.ResponseProducer = 99;
        back.Channel.NotifyFront();
        await BecomesAsync(XenBusState.Closed);
        await _host.HasErrorAsync(Disk, "rsp_prod is 99");
        Assert.Empty(_driver.Devices);
        Assert.False(disk.IsPresent);
    }

    /// <summary>Asks for the disk back, and waits until it refuses operations.</summary>
    private async Task UnplugAsync(BlockDevice disk)
    {
        await _host.SetBackStateAsync(Disk, XenBusState.Closing);
        await _host.UntilAsync(() =>
        {
            try
            {
                disk.Use().Dispose();
                return false;
            }
            catch (BlockDeviceGoneException)
            {
                return true;
            }
        });
    }

    private async Task WriteFeaturesAsync()
    {
        (string Node, long Value)[] nodes =
        [
            ("sectors", _data.Length / 512), ("sector-size",
                512), ("physical-sector-size", 4096), ("info", 0), ("feature-flush-cache", 1), ("feature-discard", 1),
            ("discard-granularity", 4096), ("feature-max-indirect-segments", 256), ("max-ring-page-order", 4),
        ];
        foreach ((string node, long value) in nodes)
        {
            await _host.Dom0.WriteAsync($"{BackEnd}/{node}", value);
        }
    }

    private async Task<TestDisk> ConnectAsync(bool start = true, int order = 4)
    {
        await WriteFeaturesAsync();
        await _host.Dom0.WriteAsync(BackEnd + "/max-ring-page-order", order);
        await _host.SetBackStateAsync(Disk, XenBusState.InitWait);
        await BecomesAsync(XenBusState.Initialised);
        uint[] references = await _host.Dom0.TryReadAsync($"{Host.Home}/device/{Disk}/ring-page-order") is { } pages
            ? [.. await Task.WhenAll(
                Enumerable.Range(0, 1 << int.Parse(pages, CultureInfo.InvariantCulture)).Select(i => NumberAsync($"ring-ref{i}")))]
            : [await NumberAsync("ring-ref")];
        TestDisk disk = new(_machine, references, await NumberAsync("event-channel"), _data) { IsPersistent = true };
        await _host.SetBackStateAsync(Disk, XenBusState.Connected);
        await BecomesAsync(XenBusState.Connected);
        if (start)
        {
            disk.Start();
        }

        return disk;
    }

    private async Task<string> FrontAsync(string node) => await _host.Dom0.ReadAsync($"{Host.Home}/device/{Disk}/{node}");

    private async Task<uint> NumberAsync(string node) => uint.Parse(await FrontAsync(node), CultureInfo.InvariantCulture);

    private async Task BecomesAsync(XenBusState state)
    {
        XenBusState? seen = null;
        await Host.UntilAsync(
            async () => (seen = await _host.FrontStateAsync(Disk)) == state,
            () => $"the state is {seen}, not {state}; events:\n{_host.Text}");
    }
}
