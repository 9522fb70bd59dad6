using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets;

/// <summary>
/// The TCP/IP stack behind the program's sockets, with a thread of its own: it waits for the sockets' requests, for events of the network
/// interfaces and for its next timer, and drives the interfaces' rings itself. It needs neither .NET's thread pool nor the program's good
/// manners.
/// </summary>
/// <remarks>
/// <para>
/// An exception in the stack ends the connection it served (ECONNABORTED) and is counted; it does not end the guest. If such exceptions do
/// not cease, the stack ends, and sockets answer ENETDOWN.
/// </para>
/// <para>
/// Interfaces come from the network driver (<see cref="NetworkOptions.LinkUser"/>) or by <see cref="AddLink"/>.
/// </para>
/// </remarks>
[SuppressMessage("Naming", "CA1711", Justification = "A TCP/IP stack is no collection of last in, first out.")]
public sealed class SocketStack : INetworkLinkUser, IDisposable
{
    private const int BatchSize = 64;

    /// <summary>So many turns in a row with an exception end the stack: whatever it is does not pass.</summary>
    private const int MostFaultyTurns = 100;

    private static readonly TimeSpan s_addressLimit = TimeSpan.FromSeconds(10);

    private readonly ISocketHost _host;
    private readonly SocketStackOptions _options;
    private readonly IpStack _stack;
    private readonly SocketTable _sockets;
    private readonly ConcurrentQueue<StackInterface> _arrived = new();
    private readonly List<StackInterface> _interfaces = [];
    private readonly SocketRequest[] _requests = new SocketRequest[BatchSize];
    private readonly Thread _thread;
    private int _threadId;
    private int _faultyTurns;
    private bool _isWoken;
    private volatile bool _isEnding;

    /// <summary>Makes the stack of all sockets. They wait for it from now on, and are served when <see cref="Start"/> was called.</summary>
    /// <param name="host">The kernel's sockets, which the stack disposes of when it ends.</param>
    /// <param name="options">How it is run.</param>
    public SocketStack(ISocketHost host, SocketStackOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _options = options ?? new();
        _stack = new IpStack(new StackClock(), new StackRandom(), _options.Stack);
        TimeSpan addressLimit = _options.AddressLimit ?? Read(() => _options.Addresses.AddressLimit, null) ?? s_addressLimit;
        StackFiles files = new(
            host, _stack, Read(() => _options.Addresses.NameServers, []), Read(() => _options.Addresses.SearchDomains, []), addressLimit);
        _sockets = new SocketTable(host, _stack, files, addressLimit);
        _thread = new Thread(Run) { IsBackground = true, Name = "TCP/IP" };
    }

    /// <summary>Exceptions that the stack has survived.</summary>
    public long Faults { get; private set; }

    /// <summary>Whether the thread has ended, so that all sockets answer ENETDOWN.</summary>
    public bool HasEnded => _thread.ThreadState == ThreadState.Stopped;

    /// <summary>Starts the thread, which does not keep the program from ending.</summary>
    public void Start() => _thread.Start();

    /// <summary>Adds an interface over any link. The stack's thread alone uses the link from now on.</summary>
    public void AddLink(string name, ILink link)
    {
        _arrived.Enqueue(new StackInterface(name, link));
        _host.Wake();
    }

    /// <summary>Has the stack look at its links.</summary>
    public void Wake()
    {
        // The thread wakes itself when a connection ends below its own call; it looks again before it waits.
        if (Environment.CurrentManagedThreadId == Volatile.Read(ref _threadId))
        {
            _isWoken = true;
        }
        else
        {
            _host.Wake();
        }
    }

    /// <summary>Ends the thread. Sockets answer ENETDOWN from then on.</summary>
    public void Dispose()
    {
        _isEnding = true;
        _host.Wake();
        if (_thread.ThreadState != ThreadState.Unstarted)
        {
            _thread.Join();
        }
    }

    bool INetworkLinkUser.TryTake(NetworkLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (_isEnding || HasEnded)
        {
            return false;
        }

        AddLink(link.Name, link);
        return true;
    }

    void INetworkLinkUser.Wake(NetworkLink link) => Wake();

    void INetworkLinkUser.Watch(IEventChannel channel) => _host.Watch(channel);

    /// <summary>What a setting says, or, with a report, what counts without it if it is malformed.</summary>
    private T Read<T>(Func<T> setting, T otherwise)
    {
        try
        {
            return setting();
        }
        catch (FormatException error)
        {
            _options.Report?.Invoke(error.Message);
            return otherwise;
        }
    }

    private void Run()
    {
        Volatile.Write(ref _threadId, Environment.CurrentManagedThreadId);
        try
        {
            long deadline = 0;
            while (!_isEnding)
            {
                int count = _host.Wait(_requests, deadline);
                deadline = Turn(count) ? 0 : StackClock.ToTimestamp(_stack.NextDue);
            }
        }
        catch (Exception error)
        {
            _options.Report?.Invoke($"TCP/IP has ended: {error}");
        }
        finally
        {
            _host.Dispose();
        }
    }

    /// <summary>Does what there is to do; whether there may be more.</summary>
    private bool Turn(int requests)
    {
        _isWoken = false;
        bool isFaulty = false;

        // What has arrived first: after a pause, an answer that is there is not taken for lost, and a socket's write that it makes room for
        // need not wait.
        bool hasMore = requests == BatchSize;
        try
        {
            FollowLinks();
            hasMore |= _stack.Run();
        }
        catch (Exception error) when (Survives(error))
        {
            isFaulty = true;
        }

        for (int i = 0; i < requests; i++)
        {
            try
            {
                _sockets.Serve(in _requests[i]);
            }
            catch (Exception error) when (Survives(error))
            {
                isFaulty = true;
                _sockets.Abort(in _requests[i]);
            }
        }

        _faultyTurns = isFaulty ? _faultyTurns + 1 : 0;
        foreach (StackInterface each in _interfaces)
        {
            if (each.Interface is not null)
            {
                each.Link.Flush();
                hasMore |= !hasMore && !each.Link.TryRest();
            }
        }

        return hasMore || _isWoken || isFaulty;
    }

    private bool Survives(Exception error)
    {
        Faults++;
        if (_faultyTurns >= MostFaultyTurns)
        {
            return false;
        }

        _options.Report?.Invoke($"an exception in TCP/IP: {error}");
        return true;
    }

    private void FollowLinks()
    {
        while (_arrived.TryDequeue(out StackInterface? arrived))
        {
            _interfaces.Add(arrived);
        }

        for (int i = _interfaces.Count - 1; i >= 0; i--)
        {
            StackInterface each = _interfaces[i];
            if (each.IsGone)
            {
                _interfaces.RemoveAt(i);
                if (each.Interface is { } gone)
                {
                    _stack.RemoveInterface(gone);
                }
            }
            else if (each.TryTakeConnection())
            {
                Connect(each);
            }
        }
    }

    private void Connect(StackInterface connected)
    {
        if (connected.Interface is { } known)
        {
            _stack.OnLinkChanged(known);
            return;
        }

        IpInterface added = _stack.AddInterface(connected.Name, connected.Link);
        connected.Interface = added;
        try
        {
            Configure(added);
        }
        catch (FormatException error)
        {
            _options.Report?.Invoke($"{connected.Name} has no address: {error.Message}");
        }
    }

    private void Configure(IpInterface added)
    {
        IReadOnlyList<(InternetAddress Address, int PrefixLength)> addresses = _options.Addresses.AddressesOf(added.Name);
        foreach ((InternetAddress address, int prefixLength) in addresses)
        {
            _stack.AddAddress(added, address, prefixLength);
        }

        foreach (InternetAddress gateway in _options.Addresses.GatewaysOf(added.Name))
        {
            NetworkPrefix all = new(gateway.IsIPv4 ? InternetAddress.AnyIPv4 : InternetAddress.AnyIPv6, 0);
            _stack.TryAddRoute(new Route(all, gateway, added, AddressOrigin.Static));
        }

        // A family that the settings say nothing of is the network's to configure.
        if (!addresses.Any(each => each.Address.IsIPv4))
        {
            _stack.StartDhcp(added, _options.HostName);
        }

        if (addresses.All(each => each.Address.IsIPv4))
        {
            _stack.StartRouterDiscovery(added);
        }
    }
}
