using System.Collections.Concurrent;
using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>
/// The links that were given to the stack: those that have connected are its interfaces. One that meets exceptions again and again is taken
/// away and added anew, and given up if that does not help; the others go on.
/// </summary>
/// <param name="stack">The stack.</param>
/// <param name="options">How it is run.</param>
/// <param name="report">Hears of exceptions.</param>
/// <param name="changed">Called when a device can send, or cannot any more.</param>
internal sealed class StackInterfaces(IpStack stack, SocketStackOptions options, Action<Exception> report, Action changed)
{
    /// <summary>So many exceptions without a frame that was taken well between them, and the interface is started anew.</summary>
    private const int MostFaults = 8;

    /// <summary>So many starts without a frame that was taken well between them, and the interface is given up.</summary>
    private const int MostRestarts = 3;

    /// <summary>After an exception of a timer or a frame the network is asked again, but not more often than this.</summary>
    private const long LeastDoubtInterval = 10_000_000_000;

    private readonly ConcurrentQueue<StackInterface> _arrived = new();
    private readonly List<StackInterface> _interfaces = [];
    private bool _isDoubtful;
    private long _doubtedAt = -LeastDoubtInterval;

    /// <summary>Adds a link. Any thread may call it, and has the stack look then.</summary>
    public void Add(string name, ILink link, IReadOnlyList<AddressAssignment> addresses) =>
        _arrived.Enqueue(new StackInterface(name, link, addresses));

    /// <summary>Whether an interface's device can send.</summary>
    public bool IsRunning(IpInterface which) => _interfaces.Exists(each => each.Interface == which && each.IsRunning);

    /// <summary>Takes what has happened to the links; whether an exception has kept it from something.</summary>
    public bool Follow()
    {
        bool hasMore = false;
        while (_arrived.TryDequeue(out StackInterface? arrived))
        {
            _interfaces.Add(arrived);
        }

        bool isDoubtful = _isDoubtful && stack.Internet.Clock.Now - _doubtedAt >= LeastDoubtInterval;
        for (int i = _interfaces.Count - 1; i >= 0; i--)
        {
            StackInterface each = _interfaces[i];
            try
            {
                if (each.IsGone)
                {
                    _interfaces.RemoveAt(i);
                    Remove(each);
                }
                else
                {
                    Follow(each, isDoubtful);
                }

                if (each.TryTakeRunning())
                {
                    changed();
                }
            }
            catch (Exception error)
            {
                report(error);
                Count(each, error);
                hasMore = true;
            }
        }

        if (isDoubtful)
        {
            _isDoubtful = false;
            _doubtedAt = stack.Internet.Clock.Now;
        }

        return hasMore;
    }

    /// <summary>Gives the links what was sent; whether one of them has more to take.</summary>
    public bool Flush(bool mayRest)
    {
        bool hasMore = false;
        foreach (StackInterface each in _interfaces)
        {
            if (each.Interface is null)
            {
                continue;
            }

            try
            {
                each.Link.Flush();
                hasMore |= mayRest && !hasMore && !each.Link.TryRest();
            }
            catch (Exception error)
            {
                report(error);
                Count(each, error);
                hasMore = true;
            }
        }

        return hasMore;
    }

    /// <summary>An exception has cost an interface a frame.</summary>
    public void OnFault(IpInterface served, Exception error)
    {
        // Without a lambda, for which there may be no memory.
        foreach (StackInterface each in _interfaces)
        {
            if (each.Interface == served)
            {
                Count(each, error);
            }
        }
    }

    /// <summary>
    /// An exception has cost a timer its action, or a frame, perhaps one by which addresses come or last: the network is asked anew.
    /// </summary>
    public void Doubt() => _isDoubtful = true;

    /// <summary>An interface that is started anew takes more memory than one that goes on.</summary>
    private static void Count(StackInterface each, Exception error)
    {
        if (error is not OutOfMemoryException)
        {
            each.CountFault();
        }
    }

    private void Follow(StackInterface each, bool isDoubtful)
    {
        if (each.Faults >= MostFaults)
        {
            Restart(each);
        }

        if (each.IsGivenUp)
        {
            return;
        }

        if (each.TryTakeConnection())
        {
            Connect(each);
        }
        else if (isDoubtful && each.Interface is { } known)
        {
            stack.OnLinkChanged(known);
        }
    }

    private void Restart(StackInterface each)
    {
        each.IsGivenUp = each.Restarts >= MostRestarts;
        options.Report?.Invoke(each.IsGivenUp
            ? $"{each.Name} is given up: exceptions do not cease"
            : $"{each.Name} is started anew after {each.Faults} exceptions in a row");
        each.CountRestart();
        try
        {
            Remove(each);
        }
        catch (Exception error)
        {
            report(error);
        }
    }

    /// <summary>Takes an interface from the stack, whose connections end.</summary>
    private void Remove(StackInterface each)
    {
        each.Interface = null;
        if (stack.Interfaces.FirstOrDefault(known => known.Link == each.Link) is { } removed)
        {
            stack.RemoveInterface(removed);
        }
    }

    private void Connect(StackInterface connected)
    {
        if (connected.Interface is { } known && connected.Given.SequenceEqual(connected.Addresses))
        {
            stack.OnLinkChanged(known);
            return;
        }

        // One with other addresses, or that an exception left half made, goes first.
        Remove(connected);
        IpInterface added = stack.AddInterface(connected.Name, connected.Link);
        connected.Given = connected.Addresses;
        try
        {
            Configure(added, [.. connected.Given]);
        }
        catch (FormatException error)
        {
            options.Report?.Invoke($"{added.Name} has no address: {error.Message}");
        }

        connected.Interface = added;
    }

    /// <summary>Of each family: what the settings say, or else the link's own configuration, or else the network.</summary>
    private void Configure(IpInterface added, AddressAssignment[] given)
    {
        AddressAssignment[] set = options.Addresses.AddressesOf(added.Name);
        InternetAddress[] gateways = options.Addresses.GatewaysOf(added.Name);
        foreach (bool isIPv4 in (ReadOnlySpan<bool>)[true, false])
        {
            bool isSet = Array.Exists(set, each => each.Address.IsIPv4 == isIPv4);
            AddressAssignment[] addresses = Array.FindAll(isSet ? set : given, each => each.Address.IsIPv4 == isIPv4);
            foreach (AddressAssignment each in addresses)
            {
                stack.AddAddress(added, each.Address, each.PrefixLength);
            }

            NetworkPrefix all = new(isIPv4 ? InternetAddress.AnyIPv4 : InternetAddress.AnyIPv6, 0);
            InternetAddress[] routers = Array.FindAll(gateways, each => each.IsIPv4 == isIPv4);
            foreach (InternetAddress router in routers)
            {
                stack.TryAddRoute(new Route(all, router, added, AddressOrigin.Static));
            }

            if (isIPv4 && addresses.Length == 0)
            {
                stack.StartDhcp(added, options.HostName);
            }
            else if (isIPv4 && !isSet && routers.Length == 0 && Array.TrueForAll(addresses, each => each.IsHost))
            {
                // As Xen's script vif-route has it: the other end answers ARP for whatever it has a route to.
                stack.TryAddRoute(new Route(all, null, added, AddressOrigin.Static));
            }
            else if (!isIPv4 && !isSet)
            {
                // A link's configuration names no routers.
                stack.StartRouterDiscovery(added);
            }
        }
    }
}
