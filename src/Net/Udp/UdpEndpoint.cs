using Xenlet.Net.Udp;

namespace Xenlet.Net;

/// <summary>An endpoint of UDP. Errors are those that Linux's sockets have.</summary>
public sealed class UdpEndpoint
{
    private readonly UdpLayer _layer;
    private readonly List<(InternetAddress Group, IpInterface At)> _groups = [];
    private InternetAddress? _boundAddress;

    internal UdpEndpoint(UdpLayer layer, IUdpUser user, bool isIPv6)
    {
        _layer = layer;
        User = user;
        IsIPv6 = isIPv6;
        Local = new Endpoint(Any, 0);
    }

    /// <summary>Whether it is of IPv6; unless its options say otherwise, such a one serves IPv4 too.</summary>
    public bool IsIPv6 { get; }

    /// <summary>What its user may set.</summary>
    public UdpOptions Options { get; } = new();

    /// <summary>The local address and port; the port is 0 before it is bound.</summary>
    public Endpoint Local { get; private set; }

    /// <summary>The connected peer.</summary>
    public Endpoint? Remote { get; private set; }

    /// <summary>Whether it has ended.</summary>
    public bool IsClosed { get; private set; }

    internal IUdpUser User { get; }

    /// <summary>Whether its user waits for room.</summary>
    internal bool IsBlocked { get; set; }

    /// <summary>Whether datagrams may be sent from no address: a DHCP client has none.</summary>
    internal bool CanSendUnconfigured { get; init; }

    /// <summary>The interface of a link-local peer; 0 without one.</summary>
    internal int RemoteInterface { get; private set; }

    private InternetAddress Any => IsIPv6 ? InternetAddress.AnyIPv6 : InternetAddress.AnyIPv4;

    /// <summary>Takes an address and a port; a port of 0 chooses one.</summary>
    public NetworkError Bind(Endpoint local)
    {
        if (IsClosed || Local.Port != 0)
        {
            return NetworkError.InvalidArgument;
        }

        if (!Serves(local.Address))
        {
            return IsIPv6 ? NetworkError.InvalidArgument : NetworkError.FamilyNotSupported;
        }

        if (!_layer.CanBind(local.Address))
        {
            return NetworkError.AddressNotAvailable;
        }

        return Take(local);
    }

    /// <summary>Sends to this peer from now on, and receives from it alone.</summary>
    /// <param name="remote">The peer; an address of "any" is this machine.</param>
    /// <param name="interfaceIndex">The interface of a link-local peer, or 0.</param>
    public NetworkError Connect(Endpoint remote, int interfaceIndex = 0)
    {
        if (IsClosed)
        {
            return NetworkError.InvalidArgument;
        }

        remote = remote with { Address = UdpLayer.ReplaceAny(remote.Address) };
        NetworkError error = Check(remote.Address);
        if (error != NetworkError.None)
        {
            return error;
        }

        InternetAddress source = Local.Address;
        error = SelectSource(remote.Address, OutputFor(remote.Address, interfaceIndex), ref source);
        if (error != NetworkError.None)
        {
            return error;
        }

        error = EnsureBound();
        if (error == NetworkError.None)
        {
            Local = Local with { Address = source };
            Remote = remote;
            RemoteInterface = interfaceIndex;
        }

        return error;
    }

    /// <summary>Has no peer any more. The port stays.</summary>
    public void Disconnect()
    {
        Remote = null;
        RemoteInterface = 0;
        Local = Local with { Address = _boundAddress ?? Any };
    }

    /// <summary>Sends a datagram.</summary>
    /// <param name="data">Its data.</param>
    /// <param name="to">The receiver; without one the connected peer.</param>
    /// <param name="interfaceIndex">The interface of a link-local receiver, or 0.</param>
    public NetworkError Send(ReadOnlySpan<byte> data, Endpoint? to = null, int interfaceIndex = 0)
    {
        if (data.Length > UdpLayer.LargestData)
        {
            return NetworkError.MessageTooLong;
        }

        PacketBuffer packet = _layer.Pool.Rent(data.Length);
        data.CopyTo(packet.Append(data.Length));
        NetworkError error = Send(packet, to, interfaceIndex);
        if (error == NetworkError.WouldBlock)
        {
            _layer.Pool.Return(packet);
        }

        return error;
    }

    /// <summary>
    /// Sends a datagram whose data is in a buffer of the stack's pool, and takes the buffer over; it stays the caller's only when the
    /// answer is <see cref="NetworkError.WouldBlock"/>, to be sent when the user is told that there is room.
    /// </summary>
    /// <param name="packet">The buffer.</param>
    /// <param name="to">The receiver; without one the connected peer.</param>
    /// <param name="interfaceIndex">The interface by which it leaves, or 0.</param>
    /// <param name="from">The address of ours that it is sent from; any for the endpoint's.</param>
    public NetworkError Send(PacketBuffer packet, Endpoint? to = null, int interfaceIndex = 0, InternetAddress from = default)
    {
        NetworkError error = Prepare(to, ref interfaceIndex, out Endpoint remote, out InternetAddress source);
        if (error == NetworkError.None && !from.IsAny)
        {
            source = from;
            error = from.IsIPv4 == remote.Address.IsIPv4 && _layer.IsOurs(from) ? NetworkError.None : NetworkError.InvalidArgument;
        }

        if (error != NetworkError.None)
        {
            _layer.Pool.Return(packet);
            return error;
        }

        if (!_layer.HasRoom(this, remote.Address, interfaceIndex))
        {
            return NetworkError.WouldBlock;
        }

        return _layer.Send(this, packet, new Endpoint(source, Local.Port), remote, interfaceIndex);
    }

    /// <summary>Whether a datagram of some length can be sent now: the error that sending it would have.</summary>
    public NetworkError CanSend(Endpoint to, int interfaceIndex, int length)
    {
        NetworkError error = Prepare(to, ref interfaceIndex, out Endpoint remote, out _);
        bool isTooLong = error == NetworkError.None && Options.IsDontFragment
            && length > _layer.LargestUncut(remote.Address, interfaceIndex);
        return isTooLong ? NetworkError.MessageTooLong : error;
    }

    /// <summary>Joins a group of multicast on an interface; 0 for the one that the routes say.</summary>
    public NetworkError Join(InternetAddress group, int interfaceIndex = 0)
    {
        if (!group.IsMulticast || !Serves(group))
        {
            return NetworkError.InvalidArgument;
        }

        if (_layer.FindGroupInterface(group, interfaceIndex) is not { } at)
        {
            return NetworkError.NoDevice;
        }

        if (_groups.Contains((group, at)))
        {
            return NetworkError.AddressInUse;
        }

        if (!at.Groups.Join(group))
        {
            return NetworkError.NoBuffers;
        }

        _groups.Add((group, at));
        return NetworkError.None;
    }

    /// <summary>Leaves a group that it has joined.</summary>
    public NetworkError Leave(InternetAddress group, int interfaceIndex = 0)
    {
        if (interfaceIndex == 0 && _layer.FindGroupInterface(group, 0) is null)
        {
            return NetworkError.NoDevice;
        }

        int index = _groups.FindIndex(each => each.Group == group && (interfaceIndex == 0 || each.At.Index == interfaceIndex));
        if (index < 0)
        {
            return NetworkError.AddressNotAvailable;
        }

        LeaveAt(index);
        return NetworkError.None;
    }

    /// <summary>Gives port and groups back. The user is not called any more.</summary>
    public void Close()
    {
        IsClosed = true;
        IsBlocked = false;
        while (_groups.Count > 0)
        {
            LeaveAt(_groups.Count - 1);
        }

        _layer.Remove(this);
    }

    /// <summary>Whether a datagram to this address and from this peer is for this endpoint.</summary>
    internal bool Accepts(InternetAddress local, Endpoint remote, int interfaceIndex) =>
        (Options.BoundInterface == 0 || Options.BoundInterface == interfaceIndex)
        && Covers(local)
        && (Remote is not { } peer || peer == remote);

    /// <summary>Whether the endpoint's local address stands for this one.</summary>
    internal bool Covers(InternetAddress address) => Local.Address == address || (Local.Address.IsAny && Serves(address));

    /// <summary>Whether both cannot have their port at once, by Linux's rules.</summary>
    internal bool ConflictsWith(UdpEndpoint other, InternetAddress wanted)
    {
        bool overlaps = other.Covers(wanted) || (wanted.IsAny && Serves(other.Local.Address));
        bool isShared = (Options.CanReuseAddress && other.Options.CanReuseAddress)
            || (Options.CanReusePort && other.Options.CanReusePort);
        bool areApart = Options.BoundInterface != 0 && other.Options.BoundInterface != 0
            && Options.BoundInterface != other.Options.BoundInterface;
        return overlaps && !isShared && !areApart;
    }

    /// <summary>Whether the endpoint is of the address's family, or of both.</summary>
    private bool Serves(InternetAddress address) => IsIPv6 ? !address.IsIPv4 || !Options.IsV6Only : address.IsIPv4;

    private NetworkError Check(InternetAddress remote)
    {
        if (!Serves(remote))
        {
            return IsIPv6 ? NetworkError.NetworkUnreachable : NetworkError.FamilyNotSupported;
        }

        bool isOfOtherFamily = !Local.Address.IsAny && Local.Address.IsIPv4 != remote.IsIPv4;
        return isOfOtherFamily ? NetworkError.NetworkUnreachable : NetworkError.None;
    }

    private NetworkError Prepare(Endpoint? to, ref int interfaceIndex, out Endpoint remote, out InternetAddress source)
    {
        remote = to ?? Remote ?? default;
        source = Local.Address;
        if (IsClosed)
        {
            return NetworkError.InvalidArgument;
        }

        if (to is null)
        {
            interfaceIndex = RemoteInterface;
        }

        if (to is null && Remote is null)
        {
            return NetworkError.DestinationRequired;
        }

        if (remote.Port == 0)
        {
            return NetworkError.InvalidArgument;
        }

        remote = remote with { Address = UdpLayer.ReplaceAny(remote.Address) };
        interfaceIndex = OutputFor(remote.Address, interfaceIndex);
        NetworkError error = Check(remote.Address);
        if (error == NetworkError.None)
        {
            error = EnsureBound();
        }

        // A host without an address asks for one from none, whatever its other interfaces have (RFC 2131, section 4.1).
        if (CanSendUnconfigured && remote.Address == InternetAddress.LimitedBroadcast)
        {
            source = InternetAddress.AnyIPv4;
            return error;
        }

        return error == NetworkError.None ? SelectSource(remote.Address, interfaceIndex, ref source) : error;
    }

    /// <summary>Finds the address to send from, unless it is chosen, and whether there is a way.</summary>
    private NetworkError SelectSource(InternetAddress remote, int interfaceIndex, ref InternetAddress source)
    {
        bool isChosen = !source.IsAny && !source.IsMulticast && !_layer.IsBroadcast(source);
        if (isChosen && source.IsLoopback && !_layer.IsOurs(remote))
        {
            // It would leave the machine.
            return NetworkError.InvalidArgument;
        }

        if (!_layer.TrySelectSource(remote, interfaceIndex, out InternetAddress selected))
        {
            return NetworkError.NetworkUnreachable;
        }

        source = isChosen ? source : selected;
        return !Options.CanBroadcast && _layer.IsBroadcast(remote) ? NetworkError.AccessDenied : NetworkError.None;
    }

    private int OutputFor(InternetAddress remote, int interfaceIndex) =>
        Options.BoundInterface != 0 ? Options.BoundInterface
        : interfaceIndex != 0 ? interfaceIndex
        : remote.IsMulticast ? Options.MulticastInterface
        : 0;

    private NetworkError EnsureBound() => Local.Port != 0 ? NetworkError.None : Take(new Endpoint(Any, 0));

    private NetworkError Take(Endpoint local)
    {
        NetworkError error = _layer.Take(this, local, out ushort port);
        if (error == NetworkError.None)
        {
            Local = local with { Port = port };
            _boundAddress = local.Address;
        }

        return error;
    }

    private void LeaveAt(int index)
    {
        (InternetAddress group, IpInterface at) = _groups[index];
        _groups.RemoveAt(index);
        at.Groups.Leave(group);
    }
}
