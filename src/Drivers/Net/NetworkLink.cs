using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.Drivers;

/// <summary>
/// A network interface as a link of a TCP/IP stack, whose thread drives the rings itself. It stays the same over suspends, migrations and
/// reconnections: the stack looks at <see cref="State"/> and <see cref="Connections"/> whenever it is woken.
/// </summary>
/// <remarks>All members but <see cref="Name"/> and <see cref="State"/> are for the stack's thread.</remarks>
public sealed class NetworkLink : ILink
{
    private readonly NetworkInterface _network;
    private readonly INetworkLinkUser _user;
    private PolledRings? _rings;

    internal NetworkLink(NetworkInterface network, INetworkLinkUser user)
    {
        _network = network;
        _user = user;
    }

    /// <summary>The interface's name, such as <c>vif0</c>.</summary>
    public string Name => _network.Name;

    /// <inheritdoc/>
    public MacAddress Address => _network.Address;

    /// <inheritdoc/>
    public int Mtu => _network.Mtu;

    /// <summary>How the interface stands. Frames that are sent while it is closed are lost, as on an unplugged cable.</summary>
    public NetworkState State => _network.State;

    /// <summary>
    /// How many connections there were. When it has grown, the interface may be on another network: the stack announces its addresses once
    /// the state is <see cref="NetworkState.Up"/>, and reads <see cref="Mtu"/> and <see cref="Offloads"/> anew.
    /// </summary>
    public long Connections => Volatile.Read(ref _network.Counters.Connections);

    /// <summary>
    /// The addresses that the tool stack's configuration gives the interface (<c>ip=</c> of the vif line), as the current back end has
    /// them. Another domain wrote them: each is one that an interface can have, no more is known.
    /// </summary>
    public IReadOnlyList<AddressAssignment> Addresses => _network.ToolStackAddresses;

    /// <inheritdoc/>
    public LinkOffloads Offloads
    {
        get
        {
            NetworkOffloads offloads = _network.Offloads;
            return Map(NetworkOffloads.ChecksumV4, LinkOffloads.ChecksumIPv4)
                | Map(NetworkOffloads.ChecksumV6, LinkOffloads.ChecksumIPv6)
                | Map(NetworkOffloads.SegmentTcpV4, LinkOffloads.SegmentationIPv4)
                | Map(NetworkOffloads.SegmentTcpV6, LinkOffloads.SegmentationIPv6);

            LinkOffloads Map(NetworkOffloads from, LinkOffloads to) => (offloads & from) != 0 ? to : LinkOffloads.None;
        }
    }

    /// <inheritdoc/>
    public bool Gathers => true;

    /// <inheritdoc/>
    /// <remarks>The back end is notified by <see cref="Flush"/>.</remarks>
    public bool TrySend(PacketBuffer frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        SendResult result = frame.Length is < EthernetHeader.Size or > NetProtocol.MaximumFrameSize
            ? SendResult.Unsupported
            : _network.Attempt(OutgoingFrame.Of(frame), hasMore: true);
        if (result == SendResult.Full)
        {
            return false;
        }

        _network.Count(result);
        frame.Return();
        return true;
    }

    /// <inheritdoc/>
    public PacketBuffer? TryReceive(PacketPool pool)
    {
        PolledRings? rings = _network.Connection?.Polled;
        if (rings != _rings)
        {
            _rings?.Abandon();
            _rings = rings;
            foreach (IEventChannel channel in rings?.Channels ?? [])
            {
                _user.Watch(channel);
            }
        }

        if (rings?.TryReceive(pool) is not { } frame)
        {
            return null;
        }

        _network.Capture?.Add(frame.Data);
        _network.Counters.ReceivedFrames++;
        _network.Counters.ReceivedBytes += frame.Length;
        return frame;
    }

    /// <inheritdoc/>
    public void Flush() => _network.Flush();

    /// <inheritdoc/>
    public bool TryRest() => _network.Connection?.Polled is not { } rings || (rings == _rings && rings.TryRest());

    /// <inheritdoc/>
    public void SetMulticast(MacAddress group, bool isJoined) => _ = EventLoop.Start(_network.Loop, async () =>
    {
        if (isJoined)
        {
            await _network.JoinMulticastAsync(group).ConfigureAwait(EventLoop.IsCurrent);
        }
        else
        {
            await _network.LeaveMulticastAsync(group).ConfigureAwait(EventLoop.IsCurrent);
        }
    });

    /// <summary>The interface's name and state.</summary>
    public override string ToString() => _network.ToString();

    /// <summary>Has the stack's thread look at the link.</summary>
    internal void Wake() => _user.Wake(this);
}
