using System.Net;
using System.Net.Sockets;

namespace Xenlet.NetworkPeer.Http;

/// <summary>Connections that ask for nothing, and others that never end their request, a byte now and then ("slow loris").</summary>
internal static class IdleConnections
{
    /// <summary>Opens them, has others served meanwhile, and waits until the server has ended each of the slow ones.</summary>
    public static async Task<int> RunAsync(IPEndPoint server, int idle, int slow)
    {
        List<Socket> connections = [];
        try
        {
            for (int i = 0; i < idle + slow; i++)
            {
                Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                connections.Add(socket);
                await socket.ConnectAsync(server);
            }

            Task<bool>[] ends = [.. connections.Skip(idle).Select(DawdleAsync)];
            Console.WriteLine($"with {idle} idle and {slow} slow ones: {await AskAsync(server)}");

            // The last one, which the server's limit for idle ones (two minutes with Kestrel) meets last.
            await Task.WhenAny(ends);
            string afterwards = await AskAsync(connections[idle - 1]);
            bool[] ended = await Task.WhenAll(ends);
            Console.WriteLine($"slow ones that the server has ended: {ended.Count(each => each)}");
            Console.WriteLine($"an idle one after the first of these: {afterwards}");
            Console.WriteLine($"another: {await AskAsync(server)}");
            return 0;
        }
        finally
        {
            connections.ForEach(each => each.Dispose());
        }
    }

    /// <summary>Sends a byte every five seconds until the server has had enough.</summary>
    private static async Task<bool> DawdleAsync(Socket socket)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(4));
        Task<int> answer = socket.ReceiveAsync(new byte[4096], limit.Token).AsTask();
        try
        {
            await socket.SendAsync("GET / HTTP/1.1\r\nSlow: "u8.ToArray(), limit.Token);
            while (!answer.IsCompleted)
            {
                await socket.SendAsync("x"u8.ToArray(), limit.Token);
                await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(5), limit.Token));
            }

            await answer;
        }
        catch (SocketException)
        {
            // The server has reset it.
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        return true;
    }

    private static async Task<string> AskAsync(IPEndPoint server)
    {
        using Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server);
        return await AskAsync(socket);
    }

    private static async Task<string> AskAsync(Socket socket)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        AnswerReader reader = new(socket);
        await socket.SendAsync("GET /hello/next HTTP/1.1\r\nHost: next\r\n\r\n"u8.ToArray(), limit.Token);
        await reader.ReadAsync(hasNoBody: false, limit.Token);
        return reader.Text.Split('\r')[0];
    }
}
