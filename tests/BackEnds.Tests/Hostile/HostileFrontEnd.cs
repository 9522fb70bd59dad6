using Xenlet.BackEnds.Tests.Rings;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;

namespace Xenlet.BackEnds.Tests.Hostile;

/// <summary>
/// A front end that does anything, in an order that follows from a seed: to its nodes in xenstore, its rings, its pages and its ports.
/// </summary>
/// <param name="host">The host.</param>
/// <param name="device">Its device.</param>
/// <param name="random">Chooses what is done.</param>
internal abstract class HostileFrontEnd(HostileHost host, ToolStackDevice device, Random random)
{
    /// <summary>Pages of the rings, the first that are granted.</summary>
    private const int Rings = 2;

    private static readonly string[] Texts =
    [
        "", "0", "1", "2", "3", "8", "255", "4294967295", "4294967296", "-1", "yes", "x86_32-abi", "\u001b[2J", "\u00e9",
        new string('9', 1500),
    ];

    private static readonly GrantResult[] Refusals =
        [GrantResult.BadReference, GrantResult.BadPage, GrantResult.GeneralError, GrantResult.PermissionDenied, GrantResult.TryAgain];

    private readonly HashSet<uint> _references = [];
    private readonly List<TestPage> _pages = [];
    private readonly List<TestChannel> _channels = [];
    private readonly Lock _lock = new();
    private int _refusesOneOf;

    /// <summary>How often the back end was connected.</summary>
    public int Connections { get; private set; }

    /// <summary>The references of this front end that are mapped.</summary>
    public int Mapped => host.Machine.MappedReferences.Count(IsOwn);

    protected ToolStackDevice Device => device;

    /// <summary>The nodes that the back end reads.</summary>
    protected abstract IReadOnlyList<string> Nodes { get; }

    /// <summary>Has the device plugged.</summary>
    public abstract ValueTask AttachAsync();

    /// <summary>Whether Xen grants what it is asked for now; null if it does.</summary>
    public GrantResult? Refuse(uint reference)
    {
        lock (_lock)
        {
            return _refusesOneOf > 0 && _references.Contains(reference) && random.Next(_refusesOneOf) == 0
                ? Refusals[random.Next(Refusals.Length)]
                : null;
        }
    }

    /// <summary>Does something.</summary>
    public async Task StepAsync()
    {
        switch (Next(11))
        {
            case 0:
                await WriteAsync("state", Next(10) == 0 ? Texts[Next(Texts.Length)] : $"{Next(9)}");
                break;
            case 1 or 2:
                await ConnectAsync();
                break;
            case 3:
                await WriteAsync(Nodes[Next(Nodes.Count)], Next(4) == 0 ? null : Texts[Next(Texts.Length)]);
                break;
            case 4 when _pages.Count > 0:
                ref uint index = ref BackRingTests.Word(_pages[Next(Rings)], 4 * Next(4));
                index = Next(3) > 0 ? index + (uint)Next(40) - 8 : (uint)random.NextInt64();
                Notify(1);
                break;
            case 5 when _pages.Count > 0:
                TestPage page = _pages[Next(_pages.Count)];
                for (int i = 0; i < 2000; i++)
                {
                    page.Bytes[64 + Next(page.Bytes.Length - 64)] = (byte)Next(256);
                }

                break;
            case 6 or 7 or 8 when _pages.Count > 0:
                Request();
                Notify(1);
                break;
            case 9:
                Notify(200);
                break;
            case 10:
                Revoke();
                break;
        }
    }

    /// <summary>The front end's domain is destroyed. Nothing of it may be in use afterwards.</summary>
    public async Task VanishAsync()
    {
        await host.Host.Dom0.TryRemoveAsync(device.Front);
        await device.UntilBackAsync(XenBusState.Closed);
        Assert.Equal(0, Mapped);
        Drop();
        await device.DetachAsync();
        await device.UntilBackAsync(null);
    }

    /// <summary>Does as an honest front end would, and is connected, however it has behaved before.</summary>
    public async Task BehaveAsync()
    {
        lock (_lock)
        {
            _refusesOneOf = 0;
        }

        foreach (string node in Nodes)
        {
            await host.Host.Dom0.TryRemoveAsync($"{device.Front}/{node}");
        }

        await WriteAsync("state", "6");
        await device.UntilBackAsync(XenBusState.Closed);
        await ConnectAsync();
        await device.UntilBackAsync(XenBusState.Connected);
    }

    /// <summary>Makes rings and ports, and writes the nodes that offer them.</summary>
    protected abstract Task OfferAsync();

    /// <summary>Puts requests into the rings.</summary>
    protected abstract void Request();

    protected int Next(int limit)
    {
        lock (_lock)
        {
            return random.Next(limit);
        }
    }

    protected async Task WriteAsync(string node, string? value)
    {
        if (value is null)
        {
            await host.Host.Dom0.TryRemoveAsync($"{device.Front}/{node}");
        }
        else
        {
            await host.Host.Dom0.WriteAsync($"{device.Front}/{node}", value);
        }
    }

    /// <summary>A page that is granted to the back end's domain.</summary>
    protected (TestPage Page, uint Reference) Grant()
    {
        TestPage page = (TestPage)host.Front.Allocate();
        uint reference = page.Grant((ushort)Host.Guest).Reference;
        lock (_lock)
        {
            _references.Add(reference);
        }

        _pages.Add(page);
        return (page, reference);
    }

    protected uint OpenPort()
    {
        TestChannel channel = (TestChannel)host.Front.AllocateUnbound((ushort)Host.Guest);
        _channels.Add(channel);
        return channel.Port;
    }

    /// <summary>Most often a page of its own, rarely any number.</summary>
    protected uint Reference()
    {
        lock (_lock)
        {
            return random.Next(12) == 0 ? (uint)random.Next(1 << 20) : _references.ElementAt(random.Next(_references.Count));
        }
    }

    private async Task ConnectAsync()
    {
        Drop();
        await WriteAsync("state", "6");
        await WriteAsync("state", "1");
        await device.UntilBackAsync(XenBusState.InitWait);
        await OfferAsync();
        await WriteAsync("state", $"{3 + Next(2)}");
        XenBusState state = XenBusState.InitWait;
        await host.Host.UntilAsync(async () =>
            (state = XenBusStates.Parse(await host.Host.Dom0.TryReadAsync(device.Back + "/state")))
                is XenBusState.Connected or XenBusState.Closed);
        Connections += state == XenBusState.Connected ? 1 : 0;
    }

    private void Notify(int times)
    {
        for (int i = 0; i < times; i++)
        {
            foreach (TestChannel channel in _channels)
            {
                channel.Notify();
            }
        }
    }

    /// <summary>Ends grants, which Xen does at once where a page is not mapped, or closes a port.</summary>
    private void Revoke()
    {
        switch (Next(3))
        {
            case 0 when _pages.Count > Rings:
                TestPage page = _pages[Rings + Next(_pages.Count - Rings)];
                page.Dispose();
                _pages.Remove(page);
                break;
            case 1 when _channels.Count > 0:
                _channels[0].Dispose();
                _channels.RemoveAt(0);
                break;
            default:
                int oneOf = Next(3) * 4;
                lock (_lock)
                {
                    _refusesOneOf = oneOf;
                }

                break;
        }
    }

    private void Drop()
    {
        _pages.ForEach(page => page.Dispose());
        _channels.ForEach(channel => channel.Dispose());
        _pages.Clear();
        _channels.Clear();
    }

    private bool IsOwn(uint reference)
    {
        lock (_lock)
        {
            return _references.Contains(reference);
        }
    }
}
