using System.Buffers.Binary;
using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.GuestImage;

/// <summary>
/// A front end of this domain that keeps to no rule: a disk's (<c>io/blkif.h</c>) or an interface's (<c>io/netif.h</c>), each ring of one
/// page. What it grants and opens stays so until the next connection.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="path">The device's directory, from the domain's own.</param>
/// <param name="isDisk">Whether it is a disk.</param>
internal sealed class HostileFront(XenStoreClient store, string path, bool isDisk)
{
    private const int RequestProducer = 0;
    private const int HeaderSize = 64;
    private const int DataPages = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly List<ISharedPage> _pages = [];
    private readonly List<IGrant> _data = [];
    private readonly List<IEventChannel> _channels = [];
    private string _back = "";
    private ushort _domain;

    /// <summary>Chooses what is done.</summary>
    public Random Random { get; } = new(1);

    /// <summary>How often the back end was connected.</summary>
    public int Connections { get; private set; }

    /// <summary>The number of rings.</summary>
    private int Rings => isDisk ? 1 : 2;

    private int EntrySize => isDisk ? 112 : 12;

    /// <summary>Whether the back end serves.</summary>
    public async Task<bool> IsServedAsync() => Connections > 0 && await BackStateAsync() == XenBusState.Connected;

    /// <summary>Connects as an honest front end does, whatever there was before.</summary>
    /// <exception cref="TimeoutException">The back end does not connect.</exception>
    /// <remarks>
    /// The back end may still be about to act on states that an attack has written, so that it closes during this, which then begins anew.
    /// </remarks>
    public async Task ConnectAsync()
    {
        _back = await store.ReadAsync(path + "/backend");
        _domain = (ushort)await store.ReadInt64Async(path + "/backend-id");
        XenBusState back;
        do
        {
            await SetStateAsync(XenBusState.Closed);
            await BackBecomesAsync(XenBusState.Closed);
            Drop();
            await SetStateAsync(XenBusState.Initialising);
            await BackBecomesAsync(XenBusState.InitWait);
            await OfferAsync();
            await SetStateAsync(XenBusState.Connected);
            back = await BackBecomesAsync(XenBusState.Connected, XenBusState.Closed);
        }
        while (back != XenBusState.Connected);
        Connections++;
    }

    /// <summary>Writes nodes that name new rings and a new port.</summary>
    public async Task OfferAsync()
    {
        int first = _pages.Count;
        for (int ring = 0; ring < Rings; ring++)
        {
            IGrant grant = Allocate().Grant(_domain);
            await store.WriteAsync($"{path}/{(isDisk ? "ring-ref" : ring == 0 ? "tx-ring-ref" : "rx-ring-ref")}", grant.Reference);
        }

        // The rings come first.
        _pages.InsertRange(0, _pages[first..]);
        _pages.RemoveRange(_pages.Count - Rings, Rings);
        while (_data.Count < DataPages)
        {
            _data.Add(Allocate().Grant(_domain));
        }

        IEventChannel channel = Guest.EventChannels.AllocateUnbound(_domain);
        _channels.Insert(0, channel);
        await store.WriteAsync(path + "/event-channel", channel.Port);
        await store.WriteAsync($"{path}/{(isDisk ? "feature-persistent" : "request-rx-copy")}", "1");
    }

    /// <summary>Waits until the back end has closed: it has found the protocol broken.</summary>
    public Task ClosesAsync() => BackBecomesAsync(XenBusState.Closed);

    public ValueTask SetStateAsync(XenBusState state) =>
        store.WriteAsync(path + "/state", ((int)state).ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds to the number of requests of each ring, and signals.</summary>
    public void Publish(uint count)
    {
        foreach (ISharedPage ring in _pages[..Rings])
        {
            Span<byte> producer = ring.Span[RequestProducer..];
            BinaryPrimitives.WriteUInt32LittleEndian(producer, BinaryPrimitives.ReadUInt32LittleEndian(producer) + count);
        }

        Notify();
    }

    public void Notify() => _channels[0].Notify();

    /// <summary>Writes requests of all kinds over all entries, most of which name a page that is granted.</summary>
    public void Scribble()
    {
        foreach (ISharedPage ring in _pages[..Rings])
        {
            Span<byte> entries = ring.Span[HeaderSize..];
            for (; entries.Length >= EntrySize; entries = entries[EntrySize..])
            {
                Span<byte> entry = entries[..EntrySize];
                Random.NextBytes(entry);
                if (isDisk)
                {
                    WriteDiskRequest(entry);
                }
                else
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(entry, Reference());
                    entry[4..8].Clear();
                    BinaryPrimitives.WriteUInt16LittleEndian(entry[10..], (ushort)Random.Next(1515));
                }
            }
        }
    }

    /// <summary>Ends the grants of all pages with data, and grants them anew.</summary>
    public void Revoke()
    {
        for (int i = 0; i < _data.Count; i++)
        {
            if (_data[i].TryEnd())
            {
                _data[i] = _pages[Rings + i].Grant(_domain);
            }
        }
    }

    private void WriteDiskRequest(Span<byte> entry)
    {
        entry[0] = (byte)Random.Next(8);
        entry[1] = (byte)Random.Next(13);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], (ulong)Random.Next(40_000));
        for (int segment = 24; segment + 8 <= entry.Length; segment += 8)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(entry[segment..], Reference());
            entry[segment + 4] = (byte)Random.Next(4);
            entry[segment + 5] = (byte)Random.Next(9);
        }
    }

    private uint Reference() => Random.Next(8) == 0 ? (uint)Random.Next() : _data[Random.Next(_data.Count)].Reference;

    private ISharedPage Allocate()
    {
        ISharedPage page = Guest.Pages.Allocate();
        _pages.Add(page);
        return page;
    }

    private void Drop()
    {
        _channels.ForEach(channel => channel.Dispose());
        _pages.ForEach(page => page.Dispose());
        _channels.Clear();
        _pages.Clear();
        _data.Clear();
    }

    private async Task<XenBusState> BackStateAsync() => XenBusStates.Parse(await store.TryReadAsync(_back + "/state"));

    private async Task<XenBusState> BackBecomesAsync(params XenBusState[] expected)
    {
        long limit = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        XenBusState state;
        while (Array.IndexOf(expected, state = await BackStateAsync()) < 0)
        {
            if (Environment.TickCount64 > limit)
            {
                throw new TimeoutException($"the back end of {path} is {state}, not {string.Join(" or ", expected)}");
            }

            await Task.Delay(5);
        }

        return state;
    }
}
