using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>A socket's control call, from its beginning until its answer is taken, another one begins, or the socket ends.</summary>
internal unsafe struct SocketControlCall
{
    private static Slab s_calls;

    /// <summary>Whose call it is; only compared. Null for a connect of a stream, which belongs to nobody.</summary>
    public Thread* Caller;

    public SocketCall Kind;
    public int Argument;
    public EndpointRecord Endpoint;
    public EndpointRecord Interface;

    /// <summary>The threads that wait for its answer, or for their turn. It is empty once there is an answer.</summary>
    public WaitQueue Waiters;

    /// <summary>The answer: 0 or a negative errno.</summary>
    public long Result;

    /// <summary>Of the answer that is a file's content, when it last changed, in nanoseconds since 1970.</summary>
    public ulong ModifiedAt;

    /// <summary>Whether the stack has been told of it.</summary>
    public bool IsTaken;

    public bool IsAnswered;

    /// <summary>Whether a socket has a call that the stack has not answered.</summary>
    public static bool IsUnderWay(Socket* socket) => socket->Call != null && !socket->Call->IsAnswered;

    /// <summary>Begins a call of a socket that has none under way; false if there is no memory.</summary>
    /// <param name="caller">Whose it is.</param>
    /// <param name="socket">The socket. An answer that it has belonged to a thread that gave up.</param>
    /// <param name="kind">The call.</param>
    /// <param name="argument">Its number.</param>
    public static bool TryBegin(Thread* caller, Socket* socket, SocketCall kind, int argument)
    {
        SocketControlCall* call = socket->Call;
        if (call == null)
        {
            if (!s_calls.TryReserve(1, sizeof(SocketControlCall)))
            {
                return false;
            }

            call = (SocketControlCall*)s_calls.Take(sizeof(SocketControlCall));
            socket->Call = call;
        }

        call->Caller = caller;
        call->Kind = kind;
        call->Argument = argument;
        call->IsTaken = false;
        call->IsAnswered = false;
        return true;
    }

    /// <summary>A socket has no call any more: those who wait for their turn make theirs.</summary>
    public static void End(Socket* socket)
    {
        SocketControlCall* call = socket->Call;
        if (call != null)
        {
            WaitQueue.WakeAll(&call->Waiters);
            socket->Call = null;

            // One stays, so that programs which make one call at a time need memory for the first alone, and get it cheaply.
            s_calls.Return(call, sizeof(SocketControlCall), spare: 1);
        }
    }
}
