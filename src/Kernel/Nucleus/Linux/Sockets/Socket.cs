using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

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

/// <summary>A socket. It lives until the program has closed it and the stack has released it.</summary>
internal unsafe struct Socket
{
    public ulong Handle;

    /// <summary>The open file; null before a connection is accepted and after the program has closed it.</summary>
    public OpenFile* File;

    public SocketKind Kind;
    public SocketState State;
    public bool IsIPv6;

    /// <summary>The program writes no more.</summary>
    public bool IsSendShutDown;

    /// <summary>The program reads no more, or the peer sends no more.</summary>
    public bool IsReceiveShutDown;

    /// <summary>The peer sends no more.</summary>
    public bool HasPeerFinished;

    /// <summary>A write or a poll has found too little room, so that room is news.</summary>
    public bool IsRoomWanted;

    /// <summary>A connect has returned success, so that another one is an error.</summary>
    public bool IsConnectReported;

    /// <summary>Its connect has failed, and then it was shut down: there is no other connect.</summary>
    public bool IsSpent;

    /// <summary>The stack has had a request of the socket, or has made it: it must release it.</summary>
    public bool IsKnown;

    public bool IsClosed;

    /// <summary>SO_ERROR: a positive errno; 0 for none.</summary>
    public int Error;

    public EndpointRecord Local;
    public EndpointRecord Remote;

    /// <summary>The last destination that the stack has found a route to, and for datagrams of which length; 0 for none.</summary>
    public EndpointRecord Routed;
    public uint RoutedLength;

    /// <summary>Written by the program and not released by the stack.</summary>
    public ByteQueue Sent;

    /// <summary>Received and not read.</summary>
    public ByteQueue Received;

    /// <summary>Of a stream.</summary>
    public UrgentData Urgent;

    /// <summary>Of datagrams: what recvmsg takes with MSG_ERRQUEUE.</summary>
    public ByteQueue Errors;

    /// <summary>Never null. Others may share it: whoever changes it has <see cref="SocketOptionSet.TryOwn"/> say yes first.</summary>
    public SocketOptionSet* OptionSet;

    /// <summary>What the stack has not been told yet.</summary>
    public SocketSignals Signals;

    public bool IsQueued;
    public Socket* NextRequest;

    /// <summary>The control call under way, and whether the stack has been told of it and has answered.</summary>
    public SocketCall Call;

    public bool IsCallTaken;
    public bool IsCallAnswered;

    /// <summary>Whose call it is; only compared. Null for a connect of a stream, which belongs to nobody.</summary>
    public Thread* CallThread;

    public long CallResult;
    public EndpointRecord CallEndpoint;
    public EndpointRecord CallInterface;
    public int CallArgument;

    public readonly SocketOptionValues* Options => &OptionSet->Values;

    /// <summary>The family of its addresses, an AF_ number.</summary>
    public readonly int Family => Kind == SocketKind.Netlink ? SocketAddresses.AF_NETLINK
        : IsIPv6 ? SocketAddresses.AF_INET6 : SocketAddresses.AF_INET;

    /// <summary>Of a file's content, when it last changed, in nanoseconds since 1970.</summary>
    public readonly ulong ModifiedAt => CallEndpoint.High;

    /// <summary>Threads in control calls: the one under way, and those behind it. Of a closed socket, who waits for its end.</summary>
    public WaitQueue Callers;

    /// <summary>Of a listening socket, the connections that wait to be accepted, oldest first.</summary>
    public Socket* FirstOffered;

    public Socket* LastOffered;
    public Socket* NextOffered;
    public int OfferedCount;
    public int Backlog;
}
