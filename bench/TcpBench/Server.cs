using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Xenlet.BenchPrograms;

namespace Xenlet.TcpBench;

/// <summary>The measured end, written as any server of .NET is: asynchronous sockets, a loop for each connection.</summary>
internal sealed class Server
{
    /// <summary>Bytes of one send or receive of a bulk transfer.</summary>
    private const int Piece = 65536;

    /// <summary>The longest request.</summary>
    private const int Request = 1024;

    private readonly Control _control = new();

    /// <summary>
    /// Serves until the console ends. The line "measure NAME" measures what the peer does from now on, and the peer says for how many; the
    /// line "loopback NAME VERB NUMBERS" makes this program its own peer, and "peer NAME ADDRESS VERB NUMBERS" that of another guest.
    /// </summary>
    public async Task RunAsync()
    {
        Listener.Start(Control.Port, _control.ServeAsync);
        Listener.Start(Ports.Sink, SinkAsync);
        Listener.Start(Ports.Source, SourceAsync);
        Listener.Start(Ports.Echo, EchoAsync);
        Listener.Start(Ports.Idle, IdleAsync);
        Console.WriteLine("TcpBench listens");
        await Commands.RunAsync(words => words switch
        {
            ["measure", var name] => _control.MeasureAsync(name),
            ["loopback", var name, var verb, .. var numbers] => LoopbackAsync(name, verb, numbers),
            ["peer", var name, var address, var verb, .. var numbers] =>
                new Peer(name, IPAddress.Parse(address)).RunAsync(verb, numbers),
            _ => null,
        });
    }

    /// <summary>Measures work whose other end is in this program too.</summary>
    private Task LoopbackAsync(string name, string verb, string[] numbers) =>
        Task.WhenAll(_control.MeasureAsync(name), new Peer(name, IPAddress.Loopback).RunAsync(verb, numbers));

    private static async Task SinkAsync(Socket socket)
    {
        byte[] buffer = new byte[Piece];
        while (await socket.ReceiveAsync(buffer) > 0)
        {
        }
    }

    private static async Task SourceAsync(Socket socket)
    {
        byte[] buffer = new byte[Piece];
        await socket.ReceiveAsync(buffer.AsMemory(0, sizeof(long)));
        long left = BinaryPrimitives.ReadInt64LittleEndian(buffer);
        while (left > 0)
        {
            left -= await socket.SendAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)));
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        byte[] buffer = new byte[Request];
        int count;
        while ((count = await socket.ReceiveAsync(buffer)) > 0)
        {
            await socket.SendAsync(buffer.AsMemory(0, count));
        }
    }

    private static async Task IdleAsync(Socket socket) => await socket.ReceiveAsync(new byte[1]);
}
