using System.Buffers.Binary;
using Xenlet.Kernel.Sockets;
using Xenlet.Net.Tcp;

namespace Xenlet.Sockets;

/// <summary>Answers what the nucleus asks about options that the stack keeps.</summary>
/// <param name="host">The kernel's sockets.</param>
/// <param name="find">The socket with a handle; null for one that the stack does not know yet.</param>
internal sealed class OptionService(ISocketHost host, Func<SocketHandle, StackSocket?> find)
{
    /// <summary>IP_OPTIONS.</summary>
    private const int LongestToSet = 40;

    public void Serve(in SocketRequest request)
    {
        Span<byte> question = stackalloc byte[sizeof(ulong) + LongestToSet];
        question = question[..Math.Min(host.GetSendLength(request.Socket), question.Length)];
        host.CopySent(request.Socket, 0, question);
        StackSocket? socket = find(new(BinaryPrimitives.ReadUInt64LittleEndian(question)));
        StackOption option = (StackOption)request.Argument;
        if (request.Call == SocketCall.WriteOption)
        {
            host.Complete(request.Socket, socket?.WriteOption(option, question[sizeof(ulong)..]) ?? SocketErrno.ENOBUFS);
            return;
        }

        Span<byte> value = stackalloc byte[TcpInfo.Size];
        int unknown = option == StackOption.TcpInfo ? TcpInfo.Write(value, TcpState.Closed) : 0;
        int length = socket?.ReadOption(option, value) ?? unknown;
        QueryService.Answer(host, request.Socket, SocketErrno.None, value[..length]);
    }
}
