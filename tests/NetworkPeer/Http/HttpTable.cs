using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Xenlet.NetworkPeer.Http;

/// <summary>Makes the connections of a table with a server, one after the other, and writes what comes.</summary>
internal static class HttpTable
{
    private const string Probe = "GET /hello/probe HTTP/1.1\r\nHost: probe\r\n\r\n";

    /// <summary>What stands in a table for the entity tag of the server's page.</summary>
    private const string PageTag = "\\E";

    /// <summary>Bodies that are longer are written as their length and a hash.</summary>
    private const int LongestBody = 600;

    public static async Task<int> RunAsync(string file, IPEndPoint server)
    {
        string table = (await File.ReadAllTextAsync(file)).Replace(PageTag, await TagAsync(server), StringComparison.Ordinal);
        foreach (Exchange exchange in Exchange.Read(table))
        {
            Console.WriteLine($"=== {exchange.Name}");
            Console.WriteLine(await MakeAsync(exchange, server));
        }

        return 0;
    }

    /// <summary>Makes a connection. Whether it stays open is seen by one more request, which is answered then.</summary>
    private static async Task<string> MakeAsync(Exchange exchange, IPEndPoint server)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        using Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        AnswerReader reader = new(socket);
        string state = "it ends";
        try
        {
            await socket.ConnectAsync(server, limit.Token);
            foreach (byte[] part in exchange.Parts)
            {
                if (part != exchange.Parts[0])
                {
                    await reader.AwaitAsync(limit.Token);
                }

                await SendAsync(socket, part, limit.Token);
            }

            if (exchange.EndsSending)
            {
                socket.Shutdown(SocketShutdown.Send);
            }

            bool staysOpen = true;
            for (int answer = 0; answer < exchange.Answers && staysOpen; answer++)
            {
                staysOpen = await reader.ReadAsync(answer == 0 && exchange.AsksForHeaders, limit.Token);
            }

            string text = reader.Text;
            if (staysOpen && !exchange.EndsSending)
            {
                await SendAsync(socket, Encoding.ASCII.GetBytes(Probe), limit.Token);
                state = await reader.ReadAsync(hasNoBody: false, limit.Token) ? "it stays open" : "it ends";
                return Format(text, state);
            }

            await reader.RestAsync(limit.Token);
            if (exchange.EndsSending)
            {
                // Whether an answer is older than the end is chance.
                return $"--- {state}";
            }
        }
        catch (OperationCanceledException)
        {
            state = "nothing more comes";
        }

        return Format(reader.Text, state);
    }

    private static async Task<string> TagAsync(IPEndPoint server)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        using Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, limit.Token);
        AnswerReader reader = new(socket);
        await SendAsync(socket, "GET / HTTP/1.1\r\nHost: tag\r\n\r\n"u8.ToArray(), limit.Token);
        await reader.ReadAsync(hasNoBody: false, limit.Token);
        const string Header = "ETag: ";
        return reader.Text.Split("\r\n").First(line => line.StartsWith(Header, StringComparison.Ordinal))[Header.Length..];
    }

    /// <summary>The server may end the connection meanwhile; what it has said by then is what counts.</summary>
    private static async Task SendAsync(Socket socket, byte[] bytes, CancellationToken cancellationToken)
    {
        try
        {
            for (int sent = 0; sent < bytes.Length;)
            {
                sent += await socket.SendAsync(bytes.AsMemory(sent), cancellationToken);
            }
        }
        catch (SocketException)
        {
            // The reader finds out.
        }
    }

    private static string Format(string came, string state)
    {
        StringBuilder text = new();
        foreach (string line in came.Split('\n'))
        {
            string shown = line.TrimEnd('\r');
            foreach (string time in (string[])["Date: ", "Last-Modified: "])
            {
                shown = shown.StartsWith(time, StringComparison.Ordinal) ? time + "masked" : shown;
            }

            text.Append(shown.Length > LongestBody ? $"[{shown.Length} bytes, FNV-1a {Hash(shown):x16}]" : Escape(shown)).Append('\n');
        }

        return text.Append("--- ").Append(state).ToString();
    }

    private static string Escape(string line) =>
        string.Concat(line.Select(character => character is >= ' ' and <= '~' ? $"{character}" : $"\\x{(int)character:x2}"));

    private static ulong Hash(string text) =>
        text.Aggregate(14695981039346656037, (hash, character) => unchecked((hash ^ character) * 1099511628211));
}
