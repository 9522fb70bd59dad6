using System.Diagnostics;
using System.Globalization;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.HostilePeer;

/// <summary>
/// A device of a guest, which this program has created, as its back end. Its directory is apart from those of dom0's own back ends,
/// which would take it.
/// </summary>
internal abstract class LyingBackEnd : IAsyncDisposable
{
    /// <summary>How long the front end may take for anything.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);
    private readonly XenStoreClient _store;
    private readonly string _front;
    private readonly string _back;
    private readonly Dictionary<uint, MappedPage> _pages = [];

    protected LyingBackEnd(XenStoreClient store, uint domain, string type, string id)
    {
        _store = store;
        Domain = domain;
        Grants = new(domain);
        _front = $"/local/domain/{domain}/device/{type}/{id}";
        _back = $"/local/domain/0/xenlet-test/{type}/{domain}/{id}";
    }

    protected uint Domain { get; }

    protected Random Random { get; } = new(1);

    /// <summary>Our end of the channel; the rings are mapped when there is one.</summary>
    protected EventPort? Events { get; set; }

    private GrantMapper Grants { get; }

    /// <summary>Does something for so long.</summary>
    public static void Repeat(TimeSpan time, Action action)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            action();
        }
    }

    /// <summary>Uses as much of the processor as the attacks do, without attacking the guest.</summary>
    public static Task SpinAsync(TimeSpan time)
    {
        Repeat(time, () => Thread.SpinWait(1000));
        return Task.CompletedTask;
    }

    /// <summary>Creates the device, whose back end is in state InitWait.</summary>
    public async Task PlugAsync(IEnumerable<(string Name, string Value)> frontNodes, IEnumerable<(string Name, string Value)> backNodes)
    {
        // The order is the tool stack's: what the device is stands there before its state does.
        await _store.TransactAsync(async (transaction, token) =>
        {
            XenStorePermissionEntry[] ofBack = [new(0, XenStoreRights.None), new(Domain, XenStoreRights.Read)];
            XenStorePermissionEntry[] ofFront = [new(Domain, XenStoreRights.None), new(0, XenStoreRights.Read)];
            await MakeAsync(transaction, _back, ofBack, [("frontend", _front), ("frontend-id", Text(Domain)), .. backNodes,
                ("state", State(XenBusState.InitWait))]);
            await MakeAsync(transaction, _front, ofFront, [("backend", _back), ("backend-id", "0"), .. frontNodes,
                ("state", State(XenBusState.Initialising))]);
        });
    }

    public ValueTask SetStateAsync(XenBusState state) => _store.WriteAsync(_back + "/state", State(state));

    /// <summary>
    /// Writes states as fast as xenstored takes them. The last, as every second one, is Connected, and no other ends a connection.
    /// </summary>
    public async Task StormOfStatesAsync(TimeSpan time)
    {
        const int AtOnce = 16;
        int written = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(
                i => SetStateAsync(i % 2 == 0 ? XenBusState.Reconfigured : XenBusState.Connected).AsTask()));
            written += AtOnce;
        }

        Console.WriteLine($"wrote {written} states");
    }

    public async Task<XenBusState> FrontStateAsync() =>
        (XenBusState)(await _store.TryReadInt32Async(_front + "/state") ?? (int)XenBusState.Unknown);

    /// <summary>Waits until the front end is in one of these states; false when it is not in time.</summary>
    public async Task<bool> FrontBecomesAsync(TimeSpan limit, params XenBusState[] states)
    {
        long start = Stopwatch.GetTimestamp();
        while (Array.IndexOf(states, await FrontStateAsync()) < 0)
        {
            if (Stopwatch.GetElapsedTime(start) >= limit)
            {
                return false;
            }

            await Task.Delay(BetweenLooks);
        }

        return true;
    }

    /// <summary>Waits for the front end's side of the connection, takes it, and says Connected.</summary>
    public async Task ConnectAsync()
    {
        if (!await FrontBecomesAsync(Patience, XenBusState.Initialised, XenBusState.Connected))
        {
            throw new TimeoutException($"the front end is {await FrontStateAsync()}, not Initialised or Connected");
        }

        await TakeConnectionAsync();
        await SetStateAsync(XenBusState.Connected);
        if (!await FrontBecomesAsync(Patience, XenBusState.Connected))
        {
            throw new TimeoutException($"the front end is {await FrontStateAsync()}, not Connected");
        }
    }

    /// <summary>Maps what the front end's nodes name.</summary>
    public abstract Task TakeConnectionAsync();

    /// <summary>Unmaps all pages of the guest, and closes the event channel.</summary>
    public virtual void Unmap()
    {
        Events?.Dispose();
        Events = null;
        foreach (MappedPage page in _pages.Values)
        {
            page.Dispose();
        }

        _pages.Clear();
    }

    /// <summary>Closes this end, and removes the device.</summary>
    public async Task UnplugAsync()
    {
        await SetStateAsync(XenBusState.Closed);
        await FrontBecomesAsync(TimeSpan.FromSeconds(2), XenBusState.Closed);
        await _store.TryRemoveAsync(_front);
        await _store.TryRemoveAsync(_back);
    }

    public ValueTask DisposeAsync()
    {
        Unmap();
        Grants.Dispose();
        return default;
    }

    /// <summary>Maps the page that a node of the front end grants.</summary>
    protected async Task<MappedPage> MapRingAsync(string node)
    {
        uint reference = await FrontNumberAsync(node);
        return Grants.TryMap(reference) ?? throw new InvalidOperationException($"{node} is {reference}, which cannot be mapped");
    }

    protected async Task BindAsync() => Events = new(Domain, await FrontNumberAsync("event-channel"));

    /// <summary>A page that a request names, mapped until <see cref="Unmap"/>.</summary>
    protected MappedPage? Page(uint reference)
    {
        if (!_pages.TryGetValue(reference, out MappedPage? page) && (page = Grants.TryMap(reference)) is not null)
        {
            _pages.Add(reference, page);
        }

        return page;
    }

    /// <summary>Writes over all pages that are mapped, but the rings.</summary>
    protected void ScribbleOverPages()
    {
        foreach (MappedPage page in _pages.Values)
        {
            Random.NextBytes(page.Bytes[..64]);
        }
    }

    protected static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string State(XenBusState state) => Text((int)state);

    private static async ValueTask MakeAsync(
        XenStoreTransaction transaction, string directory, XenStorePermissionEntry[] permissions,
        IEnumerable<(string Name, string Value)> nodes)
    {
        await transaction.WriteAsync(directory, "");
        await transaction.SetPermissionsAsync(directory, permissions);
        foreach ((string name, string value) in nodes)
        {
            await transaction.WriteAsync($"{directory}/{name}", value);
            await transaction.SetPermissionsAsync($"{directory}/{name}", permissions);
        }
    }

    private async Task<uint> FrontNumberAsync(string node) => (uint)await _store.ReadInt64Async($"{_front}/{node}");
}
