using Xenlet.Kernel.Sockets;
using Xenlet.Sockets.Interfaces;

namespace Xenlet.Sockets;

/// <summary>A socket of NETLINK_ROUTE: what the program sends are questions, what it receives answers, and changes of its groups.</summary>
internal sealed class NetlinkSocket(SocketTable table, SocketHandle handle, NetlinkSockets all) : StackSocket(table, handle, isIPv6: true)
{
    private readonly byte[] _buffer = new byte[ushort.MaxValue];

    /// <summary>Its port; 0 before it is bound.</summary>
    public uint Port { get; private set; }

    /// <summary>RTMGRP_ bits.</summary>
    public uint Groups { get; private set; }

    /// <summary>Always: a question is answered in the turn in which it is taken.</summary>
    public override bool IsDelivered => true;

    protected override void EndByFault() => Close(isAborted: true);

    public void Deliver(byte[] datagram, uint group)
    {
        DatagramHeader header = new() { Remote = Endpoint(port: 0, group) };
        if (!Host.TryDeliver(Handle, in header, datagram))
        {
            // As on Linux: the program has missed something, and has to ask for everything again.
            Host.Fail(Handle, SocketErrno.ENOBUFS);
        }
    }

    protected override void OnSignals(in SocketRequest request)
    {
        if ((request.Signals & SocketSignals.Written) == 0)
        {
            return;
        }

        int length;
        while ((length = Host.TakeDatagram(Handle, out _, _buffer)) >= 0)
        {
            foreach (byte[] answer in all.Service.Answer(_buffer.AsSpan(0, length), Port))
            {
                Deliver(answer, group: 0);
            }
        }
    }

    protected override SocketErrno? Answer(in SocketRequest request)
    {
        if (request.Call != SocketCall.Bind)
        {
            return SocketErrno.EOPNOTSUPP;
        }

        uint wanted = (uint)request.Endpoint.Low;
        if (wanted != 0 && all.IsPort(wanted))
        {
            return SocketErrno.EADDRINUSE;
        }

        // As on Linux, no process has a port that the kernel chooses when the process's own is taken.
        const uint chosen = 0x8000_0000;
        (Port, Groups) = (wanted != 0 ? wanted : chosen | (uint)Handle.Index, (uint)request.Endpoint.High);
        all.Join(this);
        Host.SetLocalEndpoint(Handle, Endpoint(Port, Groups));
        return SocketErrno.None;
    }

    protected override void Close(bool isAborted)
    {
        all.Leave(this);
        if (IsClosed)
        {
            End();
        }
    }

    private static SocketEndpoint Endpoint(uint port, uint groups) => new(groups, port, 1);
}
