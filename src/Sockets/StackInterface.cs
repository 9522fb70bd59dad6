using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>A link that was given to the stack, and the interface that it is there once it has connected.</summary>
/// <param name="name">The interface's name.</param>
/// <param name="link">The link.</param>
internal sealed class StackInterface(string name, ILink link)
{
    // A link that is no network device has neither states nor connections.
    private readonly NetworkLink? _network = link as NetworkLink;
    private long _connections;
    private bool _wasRunning = true;

    public string Name => name;

    public ILink Link => link;

    /// <summary>The stack's interface; <see langword="null"/> before the first connection.</summary>
    public IpInterface? Interface { get; set; }

    /// <summary>Whether it was taken away, for ever.</summary>
    public bool IsGone => _network?.State == NetworkState.Gone;

    /// <summary>Whether frames can be sent.</summary>
    public bool IsRunning => _network is null || _network.State == NetworkState.Up;

    /// <summary>Whether <see cref="IsRunning"/> is another one than at the last call.</summary>
    public bool TryTakeRunning()
    {
        bool isNews = _wasRunning != IsRunning;
        _wasRunning ^= isNews;
        return isNews;
    }

    /// <summary>Whether the link has connected, for the first time or anew, since the last call.</summary>
    public bool TryTakeConnection()
    {
        if (_network is null)
        {
            return Interface is null;
        }

        // The number is read first: a connection that is made meanwhile is one for the next time.
        long connections = _network.Connections;
        if (connections == _connections || _network.State != NetworkState.Up)
        {
            return false;
        }

        _connections = connections;
        return true;
    }
}
