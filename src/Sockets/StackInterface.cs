using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>A link that was given to the stack, and the interface that it is there once it has connected.</summary>
/// <param name="name">The interface's name.</param>
/// <param name="link">The link.</param>
/// <param name="addresses">The addresses that a link has which is no network device.</param>
internal sealed class StackInterface(string name, ILink link, IReadOnlyList<AddressAssignment> addresses)
{
    // A link that is no network device has neither states nor connections.
    private readonly NetworkLink? _network = link as NetworkLink;
    private long _connections;
    private bool _wasRunning = true;
    private long _faultyFrame;

    public string Name => name;

    public ILink Link => link;

    /// <summary>The addresses that the link's own configuration gives, now.</summary>
    public IReadOnlyList<AddressAssignment> Addresses => _network?.Addresses ?? addresses;

    /// <summary>The addresses with which it was configured.</summary>
    public IReadOnlyList<AddressAssignment> Given { get; set; } = [];

    /// <summary>The stack's interface; <see langword="null"/> before the first connection.</summary>
    public IpInterface? Interface { get; set; }

    /// <summary>Exceptions without a frame that was taken well between them.</summary>
    public int Faults { get; private set; }

    /// <summary>How often it was started anew since a frame was taken well.</summary>
    public int Restarts { get; private set; }

    /// <summary>Whether exceptions do not cease, so that it is not used any more.</summary>
    public bool IsGivenUp { get; set; }

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

    /// <summary>An exception was met when the interface was served.</summary>
    public void CountFault()
    {
        // The frame that meets an exception has been counted as received.
        long frames = Interface?.Statistics.RxPackets ?? 0;
        if (frames > _faultyFrame + 1)
        {
            Faults = 0;
            Restarts = 0;
        }

        _faultyFrame = frames;
        Faults++;
    }

    /// <summary>The interface is taken from the stack, and added anew when the link is connected.</summary>
    public void CountRestart()
    {
        Restarts++;
        Faults = 0;
        _faultyFrame = 0;
        _connections = 0;
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
