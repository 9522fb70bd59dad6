using Xenlet.Kernel.Sockets;
using Xenlet.Sockets.Files;
using Xenlet.Sockets.Interfaces;

namespace Xenlet.Sockets;

/// <summary>Answers the nucleus's queries, which belong to no socket of the program.</summary>
internal sealed class QueryService(ISocketHost host, StackFiles files, InterfaceQuestions interfaces)
{
    public void Serve(in SocketRequest request)
    {
        switch (request.Call)
        {
            case SocketCall.ReadFile:
                files.Serve(request.Socket);
                break;
            case SocketCall.AskInterface:
                AnswerInterface(in request);
                break;
            default:
                host.Complete(request.Socket, SocketErrno.EOPNOTSUPP);
                break;
        }
    }

    private void AnswerInterface(in SocketRequest request)
    {
        Span<byte> bytes = stackalloc byte[InterfaceQuestions.Size];
        host.CopySent(request.Socket, 0, bytes);
        SocketErrno result = interfaces.Answer(request.Argument, bytes);
        Answer(host, request.Socket, result, bytes);
    }

    /// <summary>Answers a query with bytes, or with an error.</summary>
    public static void Answer(ISocketHost host, SocketHandle query, SocketErrno result, ReadOnlySpan<byte> bytes)
    {
        if (result == SocketErrno.None && !bytes.IsEmpty)
        {
            result = host.TryWrite(query, 0, bytes) ? SocketErrno.None : SocketErrno.ENOMEM;
            if (result == SocketErrno.None)
            {
                host.Commit(query, bytes.Length);
            }
        }

        host.Complete(query, result);
    }
}
