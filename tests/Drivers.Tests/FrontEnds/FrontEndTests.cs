using System.Globalization;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Tests;

/// <summary>The common part of all front ends, with a driver that adds nothing.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class FrontEndTests : IAsyncLifetime
{
    private const string Device = "word/0";
    private static readonly string Node = $"{Host.Home}/device/{Device}";
    private readonly TestMachine _machine = new();
    private Host _host = null!;
    private WordDriver _driver = null!;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync();
        _driver = new(_machine, _machine);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _driver.DisposeAsync();
        Assert.Equal((0, 0), (_machine.Pages, _machine.Grants));
    }

    [Fact]
    public async Task A_front_end_publishes_its_nodes_before_its_state_and_removes_those_of_an_earlier_connection()
    {
        await _host.AddAsync(Device);
        await _host.Dom0.WriteAsync(Node + "/old-ref", 8);
        List<string> requests = [];
        _host.BeforeRequest = (type, path) =>
        {
            if (path.StartsWith("device/" + Device, StringComparison.Ordinal) || type == XenStoreMessageType.TransactionEnd)
            {
                lock (requests)
                {
                    requests.Add($"{type} {path}");
                }
            }

            return Task.CompletedTask;
        };
        await StartAsync();
        await _host.SetBackStateAsync(Device, XenBusState.InitWait);
        await _host.UntilAsync(async () => await _host.FrontStateAsync(Device) == XenBusState.Initialised);
        Assert.Equal("words", await _host.Dom0.ReadAsync(Node + "/protocol"));
        Assert.Equal("1", (await _host.Dom0.TryReadAsync(Node + "/page-ref")) is { Length: > 0 } ? "1" : "0");
        Assert.False(await _host.Dom0.ExistsAsync(Node + "/old-ref"));
        lock (requests)
        {
            int first = requests.FindIndex(request => request.EndsWith("/old-ref", StringComparison.Ordinal));
            int last = requests.FindIndex(request => request.EndsWith("/protocol", StringComparison.Ordinal));
            Assert.InRange(first, 0, last);
            Assert.DoesNotContain(
                requests[first..last], request => request.StartsWith(nameof(XenStoreMessageType.TransactionEnd), StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Nothing_is_published_for_a_device_that_has_left_the_store()
    {
        await _host.AddAsync(Device);

        // The guest could make the device's directory anew.
        await _host.Dom0.SetPermissionsAsync($"{Host.Home}/device/word", [new(Host.Guest, XenStoreRights.None)]);
        bool isRemoved = false;
        bool hasEnded = false;
        _host.BeforeRequest = async (type, path) =>
        {
            if (type == XenStoreMessageType.TransactionStart && !isRemoved)
            {
                isRemoved = true;
                await _host.RemoveAsync(Device);
            }

            hasEnded |= type == XenStoreMessageType.TransactionEnd && isRemoved;
        };
        FrontBus bus = await StartAsync();
        await _host.SetBackStateAsync(Device, XenBusState.InitWait);
        await _host.UntilAsync(() => hasEnded && bus.Devices.Count == 0);

        // What the guest asks behind the end of its transaction is answered behind it: before, the directory could still be made.
        await bus.Store.TryReadAsync("domid");
        Assert.False(await _host.Dom0.ExistsAsync(Node));
    }

    [Fact]
    public async Task A_wait_by_name_ends_when_the_device_is_offered_and_ready()
    {
        await StartAsync();
        Task<Word> second = _driver.WaitForAsync("word1").AsTask();
        using CancellationTokenSource cancellation = new();
        Task<Word> other = _driver.WaitForAsync("word2", cancellation.Token).AsTask();
        await ConnectAsync("word/0", "hello");
        await _host.AddAsync("word/1");
        await _host.SetBackStateAsync("word/1", XenBusState.InitWait);
        await _host.UntilAsync(() => _driver.Words.Count == 2);
        Assert.False(second.IsCompleted);
        await ConnectAsync("word/1", "world");
        Assert.Equal("world", (await second.WaitAsync(TestConnection.Patience)).Text);
        Assert.Equal("hello", (await _driver.WaitForAsync("word0")).Text);
        Assert.False(other.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => other);
    }

    [Fact]
    public async Task The_list_has_the_offered_devices_in_that_order_and_the_report_all_that_are_attached()
    {
        await StartAsync();
        await _host.AddAsync("word/2");
        await _host.UntilAsync(() => Report() == "word2 says ''");
        await ConnectAsync("word/1", "a");
        await ConnectAsync("word/0", "b");
        Assert.Equal(["word1", "word0"], _driver.Words.Select(word => word.Name));
        Assert.Equal("word2 says ''\nword1 says 'a'\nword0 says 'b'", Report());
        await _host.SetBackStateAsync("word/1", XenBusState.Closing);
        await _host.UntilAsync(() => _driver.Words is [{ Name: "word0" }]);
        await _host.RemoveAsync("word/1");
        await _host.UntilAsync(() => Report() == "word2 says ''\nword0 says 'b'");
    }

    [Fact]
    public async Task The_tree_shows_a_front_end_and_the_driver_finds_it_by_its_device()
    {
        FrontBus bus = await StartAsync();
        await ConnectAsync(Device, "hello");
        Assert.Contains("\n      word0 says 'hello'\n", DeviceTree.Format(bus), StringComparison.Ordinal);
        Assert.Same(_driver.Words[0], _driver.Find(bus.Devices[0]));
        await _host.AddAsync("vif/0");
        await _host.UntilAsync(() => bus.Devices.Any(device => device.Type == "vif"));
        Assert.Null(_driver.Find(bus.Devices.Single(device => device.Type == "vif")));
    }

    [Fact]
    public async Task A_device_that_is_taken_away_and_one_that_is_left_end_with_their_reasons()
    {
        FrontBus bus = await StartAsync();
        Word taken = await ConnectAsync("word/0", "a");
        Word left = await ConnectAsync("word/1", "b");
        await _host.Dom0.RemoveAsync(Node);
        await _host.UntilAsync(() => bus.Devices.Count == 1);
        Assert.Equal(("it was taken away", null), (taken.End, left.End));
        await bus.DisposeAsync();
        await _driver.DisposeAsync();
        Assert.Equal("the driver has ended", left.End);
        Assert.Empty(_driver.Words);
        Assert.Equal("", Report());
    }

    [Fact]
    public async Task A_device_that_has_ended_is_not_offered_again()
    {
        await StartAsync();
        await ConnectAsync(Device, "hello");
        await _host.SetBackStateAsync(Device, XenBusState.Closing);
        await _host.UntilAsync(() => _driver.Words.Count == 0);
        await _host.SetBackStateAsync(Device, XenBusState.InitWait);
        await _host.UntilAsync(async () => await _host.FrontStateAsync(Device) == XenBusState.Initialised);
        Assert.Empty(_driver.Words);
    }

    [Fact]
    public async Task A_front_end_whose_start_fails_is_ended_and_closed()
    {
        _driver = new(_machine, _machine) { OnStart = () => throw new FormatException("no word") };
        FrontBus bus = await StartAsync();
        await _host.AddAsync(Device);
        await _host.HasErrorAsync(Device, "driver word cannot be attached: no word");
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        Assert.Equal("", Report());
        Assert.Equal(XenBusState.Closed, await _host.FrontStateAsync(Device));
    }

    private Task<FrontBus> StartAsync() => _host.StartFrontAsync(_driver);

    /// <summary>Plugs a device in, unless it is there, and connects it; its back end says a word.</summary>
    private async Task<Word> ConnectAsync(string name, string word)
    {
        if (await _host.FrontStateAsync(name) is null)
        {
            await _host.AddAsync(name);
            await _host.SetBackStateAsync(name, XenBusState.InitWait);
        }

        await _host.UntilAsync(async () => await _host.FrontStateAsync(name) == XenBusState.Initialised);
        await _host.Dom0.WriteAsync(Host.BackEnd(name) + "/word", word);
        await _host.SetBackStateAsync(name, XenBusState.Connected);
        return await _driver.WaitForAsync(name.Replace("/", "", StringComparison.Ordinal)).AsTask().WaitAsync(TestConnection.Patience);
    }

    private string Report()
    {
        using StringWriter text = new(CultureInfo.InvariantCulture);
        _driver.WriteReport(text);
        return text.ToString().TrimEnd().ReplaceLineEndings("\n");
    }
}
