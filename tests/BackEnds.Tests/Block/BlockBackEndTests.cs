using System.Runtime.CompilerServices;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;

namespace Xenlet.BackEnds.Tests.Block;

/// <summary>Disks of our own block back end with our own block front end, and the tool stack's part of their lives.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class BlockBackEndTests : IAsyncLifetime
{
    /// <summary>What libxl (4.17) makes of a disk besides the nodes of every device.</summary>
    private static readonly string[] NodesOfLibxl =
        ["params", "script", "bootable", "dev", "type", "mode", "device-type", "removable", "discard-enable", "trusted"];

    private BackEndHost _host = null!;

    public async Task InitializeAsync() => _host = await BackEndHost.StartAsync();

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
        Assert.Equal((0, 0, 0), (_host.FrontMachine.Pages, _host.FrontMachine.Grants, _host.FrontMachine.Channels));
    }

    [Fact]
    public async Task What_the_front_end_writes_is_in_the_store_and_it_reads_what_is_there()
    {
        await using FrontBus front = await _host.StartFrontAsync();
        BlockDevice disk = await ConnectAsync();
        Assert.Equal((_host.Store.Length, 512, false), (disk.Length, disk.SectorSize, disk.IsReadOnly));
        Assert.True(disk.CanFlush && disk.CanDiscard);

        // Of all sizes, from a sector to more than one request holds, several at a time in places of their own.
        const int lanes = 8;
        byte[] model = new byte[disk.Length];
        long lane = disk.Length / lanes;
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(async number =>
        {
            Random random = new(number);
            for (int i = 0; i < 15; i++)
            {
                int size = 512 * (i == 0 ? 1500 : random.Next(1, 700));
                long offset = (number * lane) + (512 * random.NextInt64((lane - size) / 512));
                byte[] bytes = new byte[size];
                switch (random.Next(4))
                {
                    case 0:
                        await disk.DiscardAsync(offset, size);
                        bytes.CopyTo(model, offset);
                        break;
                    case 1:
                        await disk.ReadAsync(offset, bytes);
                        Assert.True(bytes.AsSpan().SequenceEqual(model.AsSpan((int)offset, size)), $"{size} bytes at {offset}");
                        break;
                    default:
                        random.NextBytes(bytes);
                        await disk.WriteAsync(offset, bytes);
                        bytes.CopyTo(model, offset);
                        break;
                }
            }
        }));
        await disk.FlushAsync();
        byte[] stored = new byte[model.Length];
        await _host.Store.ReadAsync(0, stored);
        Assert.True(stored.AsSpan().SequenceEqual(model), "the store is as the front end wrote it");
    }

    [Fact]
    public async Task A_read_only_disk_says_so()
    {
        await using FrontBus front = await _host.StartFrontAsync();
        BlockDevice disk = await ConnectAsync("r");
        Assert.True(disk.IsReadOnly);
        Assert.False(disk.CanDiscard);
        Assert.Null(await _host.Host.Dom0.TryReadAsync(BackEndHost.Back + "/feature-discard"));
    }

    /// <summary>libxl reads 6, and then waits for the directory to vanish.</summary>
    [Fact]
    public async Task A_detached_disk_is_closed_first_and_its_directory_vanishes_later()
    {
        await using FrontBus front = await _host.StartFrontAsync();
        await ConnectAsync();
        await _host.DetachAsync();
        await _host.UntilBackAsync(XenBusState.Closed);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
        await _host.UntilBackAsync(null);
        await _host.Host.UntilAsync(() => _host.BackBus.Devices.Count == 0);
        Assert.False(await _host.Host.Dom0.ExistsAsync(BackEndHost.Back));

        // The next one with the same number.
        await _host.Host.Dom0.RemoveAsync(BackEndHost.Front);
        await _host.Host.UntilAsync(() => front.Devices.Count == 0);
        await ConnectAsync();
    }

    [Fact]
    public async Task A_disk_whose_front_end_never_came_is_closed_and_vanishes_as_well()
    {
        await _host.AttachAsync();
        await _host.UntilBackAsync(XenBusState.InitWait);
        Assert.Equal("connected", await _host.Host.Dom0.ReadAsync(BackEndHost.Back + "/hotplug-status"));
        await _host.DetachAsync();
        await _host.UntilBackAsync(null);
    }

    [Fact]
    public async Task A_disk_that_cannot_be_served_says_why_and_can_be_taken_away()
    {
        _host.Open = request => throw new FileNotFoundException($"there is no store {request.Name}");
        await _host.AttachAsync(name: "nothing");
        await _host.UntilBackAsync(XenBusState.Closed);
        Assert.Equal("there is no store nothing", await _host.Host.Dom0.ReadAsync(BackEndHost.Back + "/hotplug-error"));
        Assert.Equal("error", await _host.Host.Dom0.ReadAsync(BackEndHost.Back + "/hotplug-status"));
        await _host.ErrorAsync("there is no store nothing");
        await _host.DetachAsync();
        await _host.UntilBackAsync(null);
    }

    [Fact]
    public async Task A_front_end_that_is_destroyed_leaves_nothing_behind()
    {
        await using FrontBus front = await _host.StartFrontAsync();
        await ConnectAsync();
        await _host.Host.Dom0.RemoveAsync(BackEndHost.Front);
        await _host.UntilBackAsync(XenBusState.Closed);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
        await _host.DetachAsync();
        await _host.UntilBackAsync(null);
    }

    [Fact]
    public async Task A_front_end_that_closes_and_starts_again_is_served_again()
    {
        FrontBus front = await _host.StartFrontAsync();
        BlockDevice disk = await ConnectAsync();
        byte[] bytes = new byte[4096];
        bytes.AsSpan().Fill(7);
        await disk.WriteAsync(0, bytes);
        Assert.Empty((await front.ShutdownAsync()).Open);
        await front.DisposeAsync();
        await _host.UntilBackAsync(XenBusState.Closed);

        await _host.Host.Dom0.WriteAsync(BackEndHost.Front + "/state", 1);
        await _host.UntilBackAsync(XenBusState.InitWait);
        await using FrontBus next = await _host.StartFrontAsync();
        disk = await _host.FrontDriver.WaitForAsync("xvda").AsTask().WaitAsync(TimeSpan.FromMinutes(2));
        byte[] read = new byte[4096];
        await disk.ReadAsync(0, read);
        Assert.Equal(bytes, read);
    }

    [Fact]
    public async Task A_front_end_that_starts_again_without_having_closed_is_served_again()
    {
        FrontBus front = await _host.StartFrontAsync();
        await ConnectAsync();
        await front.DisposeAsync();
        await _host.Host.Dom0.WriteAsync(BackEndHost.Front + "/state", 1);
        await _host.UntilBackAsync(XenBusState.InitWait);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
    }

    [Fact]
    public async Task The_domain_cannot_be_suspended_while_it_serves_a_disk()
    {
        await using FrontBus front = await _host.StartFrontAsync();
        BlockDevice disk = await ConnectAsync();
        SuspendReport report = await _host.BackBus.SuspendAsync();
        Assert.NotEmpty(report.Refused);
        await _host.ErrorAsync("cannot be suspended while it serves domain 0");
        await disk.FlushAsync();
    }

    /// <summary>Values that a front end may write, of which none gets it a connection, nor anything else.</summary>
    [Theory]
    [InlineData("ring-ref", null, "no ring-ref")]
    [InlineData("ring-ref", "-1", "ring-ref is '-1'")]
    [InlineData("ring-ref", "4294967296", "ring-ref is '4294967296'")]
    [InlineData("ring-ref", "8 ", "ring-ref is '8 '")]
    [InlineData("ring-ref", "8\0", @"ring-ref is '8\x00'")]
    [InlineData("protocol", "\u001b[2J", @"protocol is '\x1b[2J'")]
    [InlineData("ring-ref", "77777", "grant 77777 of domain 0 cannot be mapped")]
    [InlineData("ring-page-order", "4", "ring-page-order is '4'")]
    [InlineData("ring-page-order", "99999999999999999999", "ring-page-order is '9999")]
    [InlineData("ring-page-order", "1", "no ring-ref0")]
    [InlineData("event-channel", null, "no event-channel")]
    [InlineData("event-channel", "0", "event-channel is '0'")]
    [InlineData("event-channel", "99", "binding port 99")]
    [InlineData("protocol", "x86_32-abi", "protocol is 'x86_32-abi'")]
    [InlineData("feature-persistent", "yes", "feature-persistent is 'yes'")]
    public async Task A_front_end_that_offers_nonsense_is_refused_and_may_come_again(string name, string? value, string error)
    {
        XenStoreClient dom0 = _host.Host.Dom0;
        await _host.AttachAsync();
        await _host.UntilBackAsync(XenBusState.InitWait);
        using ISharedPage page = _host.FrontMachine.Allocate();
        using IEventChannel channel = _host.FrontMachine.AllocateUnbound((ushort)Host.Guest);
        Dictionary<string, string> nodes = new()
        {
            ["ring-ref"] = $"{page.Grant((ushort)Host.Guest).Reference}",
            ["event-channel"] = $"{channel.Port}",
        };
        _ = value is null ? nodes.Remove(name) : (nodes[name] = value) == value;
        foreach ((string node, string text) in nodes)
        {
            await dom0.WriteAsync($"{BackEndHost.Front}/{node}", text);
        }

        await dom0.WriteAsync(BackEndHost.Front + "/state", (long)XenBusState.Initialised);
        await _host.UntilBackAsync(XenBusState.Closed);
        await _host.ErrorAsync(error);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));

        foreach (string node in (string[])["ring-ref", "event-channel", name])
        {
            await dom0.TryRemoveAsync($"{BackEndHost.Front}/{node}");
        }

        // A front end that finds its back end Closed closes itself.
        await dom0.WriteAsync(BackEndHost.Front + "/state", 1);
        await _host.UntilBackAsync(XenBusState.InitWait);
        await using FrontBus front = await _host.StartFrontAsync();
        BlockDevice disk = await _host.FrontDriver.WaitForAsync("xvda").AsTask().WaitAsync(TimeSpan.FromMinutes(2));
        await disk.FlushAsync();
    }

    /// <summary>As a migration opens a store twice: the old front end's write is under way when the new one comes.</summary>
    [Fact]
    public async Task An_old_write_cannot_overtake_those_of_a_new_connection_to_its_store()
    {
        HeldStore store = new(_host.Store) { Holds = false };
        _host.Open = _ => new(store);
        await using FrontBus front = await _host.StartFrontAsync();
        BlockDevice old = await ConnectAsync();
        byte[] written = new byte[512];
        Array.Fill(written, (byte)1);
        store.Holds = true;
        Task oldWrite = old.WriteAsync(4096, written).AsTask();
        await _host.Host.UntilAsync(() => store.Waiting == 1);

        await _host.AttachAsync(number: 51728);
        Task<BlockDevice> coming = _host.FrontDriver.WaitForAsync("xvdb").AsTask();
        StringWriter report = new();
        await _host.Host.UntilAsync(() =>
        {
            report = new();
            _host.BackDriver.WriteReport(report);
            return coming.IsCompleted || report.ToString().Contains("waits for requests", StringComparison.Ordinal);
        });
        bool isServed = coming.IsCompleted;
        store.Holds = false;
        store.Release();
        Assert.False(isServed, $"the new one is served while the old one writes: {report}");
        BlockDevice disk = await coming.WaitAsync(TimeSpan.FromMinutes(2));
        Array.Fill(written = new byte[512], (byte)2);
        await disk.WriteAsync(4096, written);
        await oldWrite;

        byte[] read = new byte[512];
        await _host.Store.ReadAsync(4096, read);
        Assert.Equal(written, read);
    }

    [Fact]
    public async Task A_store_that_changes_its_size_tells_the_connected_front_end_and_none_that_is_being_closed()
    {
        await using FrontBus front = await _host.StartFrontAsync();
        BlockDevice disk = await ConnectAsync();
        byte[] end = new byte[4096];
        Array.Fill(end, (byte)9);
        long before = _host.Store.Length;
        foreach (long length in (long[])[2 * before, before / 2, before])
        {
            _host.Store.Resize(length);
            await _host.Host.UntilAsync(() => disk.Length == length);
            await disk.WriteAsync(length - end.Length, end);
        }

        byte[] read = new byte[4096];
        await disk.ReadAsync((before / 2) - read.Length, read);
        Assert.Equal(end, read);
        await disk.ReadAsync(before / 2, read);
        Assert.Equal(new byte[4096], read);

        using (disk.Use())
        {
            await _host.DetachAsync();
            await _host.UntilBackAsync(XenBusState.Closing);
            _host.Store.Resize(2 * before);
            await _host.Host.DrainDevicesAsync(_host.BackBus);
            Assert.Equal("5", await _host.Host.Dom0.ReadAsync(BackEndHost.Back + "/state"));
        }

        await _host.UntilBackAsync(null);
    }

    /// <summary>
    /// The nodes that libxl makes for a disk belong to the domain that serves it, and count for its quota; docs/backends.md has the number.
    /// </summary>
    [Fact]
    public async Task Disks_beyond_the_default_quota_are_refused_with_the_error_and_all_before_them_connect_all_the_same()
    {
        (string, string)[] ofTheToolStack = [.. NodesOfLibxl.Select(name => (name, name == "mode" ? "w" : "1"))];
        int disks = 0;
        ToolStackDevice disk;
        string? state;
        do
        {
            int number = (1 << 28) | (++disks << 8);
            disk = new(_host.Host, "vbd", $"{number}", clock: _host.Clock);
            await disk.AttachAsync(ofTheToolStack, [("virtual-device", $"{number}")]);
            await _host.Host.UntilAsync(async () => await _host.Host.Dom0.ReadAsync(disk.Back + "/state") != "1");
            state = await _host.Host.Dom0.ReadAsync(disk.Back + "/state");
        }
        while (state == "2");

        Assert.Equal("6", state);
        await disk.ErrorAsync("28 it cannot be served");
        Assert.InRange(disks, 32, 36);
        await using FrontBus front = await _host.StartFrontAsync();
        await _host.Host.UntilAsync(() => _host.BackBus.Devices.Count(device => device.State == XenBusState.Connected) == disks - 1);
        await disk.DetachAsync();
        await disk.UntilBackAsync(null);
    }

    [Fact]
    public async Task A_ring_that_is_broken_costs_the_front_end_its_device_alone()
    {
        await _host.AttachAsync();
        await _host.UntilBackAsync(XenBusState.InitWait);
        TestPage page = (TestPage)_host.FrontMachine.Allocate();
        using IEventChannel channel = _host.FrontMachine.AllocateUnbound((ushort)Host.Guest);
        Unsafe.As<byte, uint>(ref page.Bytes[RingPages.RequestProducer]) = 1000;
        await _host.Host.Dom0.WriteAsync(BackEndHost.Front + "/ring-ref", page.Grant((ushort)Host.Guest).Reference);
        await _host.Host.Dom0.WriteAsync(BackEndHost.Front + "/event-channel", channel.Port);
        await _host.Host.Dom0.WriteAsync(BackEndHost.Front + "/state", (long)XenBusState.Initialised);
        await _host.ErrorAsync("req_prod is 1000");
        await _host.UntilBackAsync(XenBusState.Closed);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
        page.Dispose();
        await _host.DetachAsync();
        await _host.UntilBackAsync(null);
    }

    private async Task<BlockDevice> ConnectAsync(string mode = "w")
    {
        await _host.AttachAsync(mode);
        return await _host.FrontDriver.WaitForAsync("xvda").AsTask().WaitAsync(TimeSpan.FromMinutes(2));
    }
}
