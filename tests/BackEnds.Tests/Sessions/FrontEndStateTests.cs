using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;

namespace Xenlet.BackEnds.Tests.Sessions;

/// <summary>Every state of a front end, and what is no state, meets every state of the back end.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class FrontEndStateTests : IAsyncLifetime
{
    /// <summary>What a front end writes into its state: all states, what is none, and that it has no such node.</summary>
    private static readonly string?[] Written = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-1", "x", "", null];

    private readonly TaskCompletionSource _mayOpen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private BackEndHost _host = null!;

    public async Task InitializeAsync() => _host = await BackEndHost.StartAsync();

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
    }

    /// <param name="from">
    /// The back end's state. In Initialising it is still opening what it serves; in Closing its front end is, too.
    /// </param>
    /// <param name="to">Its states afterwards, one for each thing that is written.</param>
    [Theory]
    [InlineData(XenBusState.Initialising, "22244262266666")]
    [InlineData(XenBusState.InitWait, "22244262266666")]
    [InlineData(XenBusState.Connected, "42644564466666")]
    [InlineData(XenBusState.Closing, "52655565566666")]
    [InlineData(XenBusState.Closed, "62666666666666")]
    public async Task A_back_end_goes_where_its_front_end_may_lead_it_and_serves_while_it_is_connected(XenBusState from, string to)
    {
        _host.Open = async _ =>
        {
            await _mayOpen.Task;
            return _host.Store;
        };
        ToolStackDevice[] disks = new ToolStackDevice[Written.Length];
        int[] mapped = new int[Written.Length];
        for (int i = 0; i < Written.Length; i++)
        {
            disks[i] = new(_host.Host, "vbd", $"{51712 + (16 * i)}");
            await disks[i].AttachAsync([("params", "x"), ("mode", "w")], []);
            uint reference = await OfferAsync(disks[i]);
            await ReachAsync(disks[i], from);
            await WriteAsync(disks[i], Written[i]);
            if (from == XenBusState.Initialising)
            {
                continue;
            }

            await ToldAsync(i);
            mapped[i] = _host.Machine.MappedReferences.Count(mapped => mapped == reference);
        }

        _mayOpen.TrySetResult();
        for (int i = 0; from == XenBusState.Initialising && i < Written.Length; i++)
        {
            await ToldAsync(i);
        }

        string states = "";
        foreach (ToolStackDevice disk in disks)
        {
            states += await _host.Host.Dom0.ReadAsync(disk.Back + "/state");
        }

        Assert.Equal(to, states);
        int serving = to.Count(state => state is '4' or '5');
        Assert.Equal((serving, serving), (_host.Machine.Mapped, _host.Machine.Channels));
        Assert.True(
            from == XenBusState.Initialising || to.Select(state => state is '4' or '5' ? 1 : 0).SequenceEqual(mapped),
            $"mapped were {string.Join("", mapped)}");
        Assert.DoesNotContain(_host.Host.Events, happened => happened.Text.Contains("failed in", StringComparison.Ordinal));
    }

    /// <summary>A ring and a port, as a front end offers them.</summary>
    private async Task<uint> OfferAsync(ToolStackDevice disk)
    {
        uint reference = ((TestPage)_host.FrontMachine.Allocate()).Grant((ushort)Host.Guest).Reference;
        await _host.Host.Dom0.WriteAsync(disk.Front + "/ring-ref", reference);
        await _host.Host.Dom0.WriteAsync(disk.Front + "/event-channel", _host.FrontMachine.AllocateUnbound((ushort)Host.Guest).Port);
        return reference;
    }

    private async Task ReachAsync(ToolStackDevice disk, XenBusState state)
    {
        if (state == XenBusState.Initialising)
        {
            await disk.UntilBackAsync(state);
            return;
        }

        _mayOpen.TrySetResult();
        await disk.UntilBackAsync(XenBusState.InitWait);
        if (state == XenBusState.InitWait)
        {
            return;
        }

        await WriteAsync(disk, "3");
        await disk.UntilBackAsync(XenBusState.Connected);
        if (state != XenBusState.Connected)
        {
            await WriteAsync(disk, state == XenBusState.Closing ? "5" : "6");
            await disk.UntilBackAsync(state);
        }
    }

    private async Task WriteAsync(ToolStackDevice disk, string? state)
    {
        if (state is null)
        {
            await _host.Host.Dom0.RemoveAsync(disk.Front + "/state");
        }
        else
        {
            await _host.Host.Dom0.WriteAsync(disk.Front + "/state", state);
        }
    }

    /// <summary>Waits until the back end has been told what was written, and has done what follows from it.</summary>
    private async Task ToldAsync(int i)
    {
        await _host.Host.UntilAsync(() => _host.BackBus.Devices.Any(
            device => device.Name == $"vbd/0/{51712 + (16 * i)}" && device.OtherEndState == XenBusStates.Parse(Written[i])));
        await _host.Host.DrainDevicesAsync(_host.BackBus);
    }
}
