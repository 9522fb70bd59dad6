using System.Net;
using System.Net.Sockets;

namespace Xenlet.BenchPrograms;

/// <summary>Accepts connections for as long as the program runs.</summary>
internal static class Listener
{
    private const int Backlog = 512;

    /// <summary>Listens at a port of every address.</summary>
    /// <param name="port">The port.</param>
    /// <param name="serveAsync">Serves a connection, which ends behind it.</param>
    public static void Start(int port, Func<Socket, Task> serveAsync)
    {
        Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen(Backlog);
        _ = AcceptAsync(listener, serveAsync);
    }

    private static async Task AcceptAsync(Socket listener, Func<Socket, Task> serveAsync)
    {
        while (true)
        {
            Socket accepted = await listener.AcceptAsync();
            accepted.NoDelay = true;
            _ = ServeAsync(accepted, serveAsync);
        }
    }

    private static async Task ServeAsync(Socket socket, Func<Socket, Task> serveAsync)
    {
        try
        {
            await serveAsync(socket);
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            Console.Error.WriteLine($"a connection has failed: {failure.Message}");
        }
        finally
        {
            socket.Dispose();
        }
    }
}
