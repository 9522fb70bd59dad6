using Xenlet.Sockets.Interfaces;

namespace Xenlet.Sockets;

/// <summary>The sockets of NETLINK_ROUTE that have a port, of which those with groups hear of changes.</summary>
internal sealed class NetlinkSockets(NetlinkService service)
{
    private readonly List<NetlinkSocket> _bound = [];

    public NetlinkService Service => service;

    public bool IsPort(uint port) => _bound.Any(each => each.Port == port);

    public void Join(NetlinkSocket socket)
    {
        // Nothing is compared as long as nobody listens.
        if (socket.Groups != 0 && _bound.All(each => each.Groups == 0))
        {
            service.TakeAll();
        }

        _bound.Add(socket);
    }

    public void Leave(NetlinkSocket socket) => _bound.Remove(socket);

    /// <summary>Interfaces, addresses or routes may have changed.</summary>
    public void OnChanged()
    {
        if (_bound.All(each => each.Groups == 0))
        {
            return;
        }

        foreach ((uint group, byte[] datagram) in service.TakeChanges())
        {
            foreach (NetlinkSocket socket in _bound.Where(each => (each.Groups & group) != 0))
            {
                socket.Deliver(datagram, group);
            }
        }
    }
}
