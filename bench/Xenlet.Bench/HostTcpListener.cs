using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.Bench;

/// <summary>Takes the one connection of a transfer.</summary>
/// <param name="user">Who gets it.</param>
internal sealed class HostTcpListener(HostTcpUser user) : ITcpListenUser
{
    bool ITcpListenUser.HasRoom => user.Connection is null;

    int ITcpListenUser.ReceiveCapacity => ((ITcpReceiveQueue)user).Capacity;

    ITcpUser? ITcpListenUser.OnConnection(in Flow flow) => user;

    void ITcpListenUser.OnAccepted(ITcpUser accepted, TcpConnection connection) => user.Connection = connection;
}
