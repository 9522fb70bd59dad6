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
        if (result == SocketErrno.None)
        {
            result = host.TryWrite(request.Socket, 0, bytes) ? SocketErrno.None : SocketErrno.ENOMEM;
        }

        if (result == SocketErrno.None)
        {
            host.Commit(request.Socket, bytes.Length);
        }

        host.Complete(request.Socket, result);
    }
}
