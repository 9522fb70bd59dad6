using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

internal enum SocketState : byte
{
    /// <summary>No connection; for datagrams, always.</summary>
    Idle,

    Listening,
    Connecting,
    Connected,

    /// <summary>The connection has ended with an error, or by the end of the stack.</summary>
    Ended,
}

/// <summary>
/// A socket. It lives until the program has closed it and the stack has released it. A program may have tens of thousands that do nothing,
/// so what few of them have lies elsewhere, and the fields leave no gaps.
/// </summary>
internal unsafe struct Socket
{
    public ulong Handle;

    /// <summary>The open file; null before a connection is accepted and after the program has closed it.</summary>
    public OpenFile* File;

    /// <summary>Never null. Others may share it: whoever changes it has <see cref="SocketOptionSet.TryOwn"/> say yes first.</summary>
    public SocketOptionSet* OptionSet;

    /// <summary>The control call that is under way, or whose answer nobody has taken; null for none.</summary>
    public SocketControlCall* Call;

    public Socket* NextRequest;

    /// <summary>Written by the program and not released by the stack.</summary>
    public ByteQueue Sent;

    /// <summary>Received and not read.</summary>
    public ByteQueue Received;

    // The next connection that waits to be accepted, for one that does; otherwise OfferedConnections or a DatagramState, by the kind.
    private void* _ofKind;

    /// <summary>Of a stream.</summary>
    public UrgentData Urgent;

    private Flags _flags;

    /// <summary>SO_ERROR: a positive errno; 0 for none.</summary>
    public int Error;

    private PackedEndpoint _local;
    private PackedEndpoint _remote;
    private ushort _signals;
    private byte _kind;

    public SocketState State;

    [Flags]
    private enum Flags : ushort
    {
        None = 0,
        IPv6 = 1,
        SendShutDown = 2,
        ReceiveShutDown = 4,
        PeerFinished = 8,
        RoomWanted = 16,
        ConnectReported = 32,
        Spent = 64,
        Known = 128,
        Closed = 256,
        Queued = 512,
        AwaitedByClose = 1024,
        Offered = 2048,
    }

    public SocketKind Kind
    {
        readonly get => (SocketKind)_kind;
        set => _kind = (byte)value;
    }

    public bool IsIPv6
    {
        readonly get => Has(Flags.IPv6);
        set => Set(Flags.IPv6, value);
    }

    /// <summary>The program writes no more.</summary>
    public bool IsSendShutDown
    {
        readonly get => Has(Flags.SendShutDown);
        set => Set(Flags.SendShutDown, value);
    }

    /// <summary>The program reads no more, or the peer sends no more.</summary>
    public bool IsReceiveShutDown
    {
        readonly get => Has(Flags.ReceiveShutDown);
        set => Set(Flags.ReceiveShutDown, value);
    }

    /// <summary>The peer sends no more.</summary>
    public bool HasPeerFinished
    {
        readonly get => Has(Flags.PeerFinished);
        set => Set(Flags.PeerFinished, value);
    }

    /// <summary>A write or a poll has found too little room, so that room is news.</summary>
    public bool IsRoomWanted
    {
        readonly get => Has(Flags.RoomWanted);
        set => Set(Flags.RoomWanted, value);
    }

    /// <summary>A connect has returned success, so that another one is an error.</summary>
    public bool IsConnectReported
    {
        readonly get => Has(Flags.ConnectReported);
        set => Set(Flags.ConnectReported, value);
    }

    /// <summary>Its connect has failed, and then it was shut down: there is no other connect.</summary>
    public bool IsSpent
    {
        readonly get => Has(Flags.Spent);
        set => Set(Flags.Spent, value);
    }

    /// <summary>The stack has had a request of the socket, or has made it: it must release it.</summary>
    public bool IsKnown
    {
        readonly get => Has(Flags.Known);
        set => Set(Flags.Known, value);
    }

    public bool IsClosed
    {
        readonly get => Has(Flags.Closed);
        set => Set(Flags.Closed, value);
    }

    /// <summary>Whether it is among the requests that the stack has not taken.</summary>
    public bool IsQueued
    {
        readonly get => Has(Flags.Queued);
        set => Set(Flags.Queued, value);
    }

    /// <summary>A thread waits in close until the stack releases the socket.</summary>
    public bool IsAwaitedByClose
    {
        readonly get => Has(Flags.AwaitedByClose);
        set => Set(Flags.AwaitedByClose, value);
    }

    public EndpointRecord Local
    {
        readonly get => _local.Value;
        set => _local.Value = value;
    }

    public EndpointRecord Remote
    {
        readonly get => _remote.Value;
        set => _remote.Value = value;
    }

    /// <summary>What the stack has not been told yet.</summary>
    public SocketSignals Signals
    {
        readonly get => (SocketSignals)_signals;
        set => _signals = (ushort)value;
    }

    /// <summary>The connections that wait to be accepted from a stream that has listened; null for any other socket.</summary>
    public OfferedConnections* Offered
    {
        readonly get => Kind == SocketKind.Stream && !IsOffered ? (OfferedConnections*)_ofKind : null;
        set => _ofKind = value;
    }

    /// <summary>What a socket of datagrams has that was told of routes or errors; null for any other socket.</summary>
    public DatagramState* Datagrams
    {
        readonly get => Kind == SocketKind.Datagram ? (DatagramState*)_ofKind : null;
        set => _ofKind = value;
    }

    /// <summary>Whether it is a connection that waits to be accepted; none wait for it then.</summary>
    public readonly bool IsOffered => Has(Flags.Offered);

    /// <summary>The next connection that waits to be accepted by the same listener; null if it does not wait itself.</summary>
    public readonly Socket* NextOffered => IsOffered ? (Socket*)_ofKind : null;

    public readonly SocketOptionValues* Options => &OptionSet->Values;

    /// <summary>The family of its addresses, an AF_ number.</summary>
    public readonly int Family => Kind == SocketKind.Netlink ? SocketAddresses.AF_NETLINK
        : IsIPv6 ? SocketAddresses.AF_INET6 : SocketAddresses.AF_INET;

    /// <summary>Waits to be accepted, as the last of its listener's connections.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="previous">The last one before; null for none.</param>
    public static void Offer(Socket* socket, Socket* previous)
    {
        socket->Set(Flags.Offered, true);
        socket->_ofKind = null;
        if (previous != null)
        {
            previous->_ofKind = socket;
        }
    }

    /// <summary>Waits no more.</summary>
    /// <returns>The next one that does; null for none.</returns>
    public static Socket* Withdraw(Socket* socket)
    {
        Socket* next = socket->NextOffered;
        socket->Set(Flags.Offered, false);
        socket->_ofKind = null;
        return next;
    }

    private readonly bool Has(Flags flag) => (_flags & flag) != 0;

    private void Set(Flags flag, bool value) => _flags = value ? _flags | flag : _flags & ~flag;

    /// <summary>An <see cref="EndpointRecord"/> without its last two bytes, which are none of it.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = sizeof(ushort))]
    private struct PackedEndpoint
    {
        private ulong _high;
        private ulong _low;
        private uint _scope;
        private ushort _port;

        public EndpointRecord Value
        {
            readonly get => new() { High = _high, Low = _low, Scope = _scope, Port = _port };
            set
            {
                _high = value.High;
                _low = value.Low;
                _scope = value.Scope;
                _port = value.Port;
            }
        }
    }
}
