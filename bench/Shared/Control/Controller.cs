using System.Net;
using System.Net.Sockets;

namespace Xenlet.TcpBench;

/// <summary>The peer's connection to <see cref="Control"/>.</summary>
internal sealed class Controller : IDisposable
{
    private readonly TcpClient _client;
    private readonly StreamReader _reader;
    private readonly StreamWriter _writer;

    private Controller(TcpClient client)
    {
        _client = client;
        _reader = new(client.GetStream());
        _writer = new(client.GetStream()) { AutoFlush = true };
    }

    public static async Task<Controller> OpenAsync(IPAddress address)
    {
        TcpClient client = new();
        await client.ConnectAsync(address, Ports.Control);
        return new(client);
    }

    /// <summary>Tells a line, and waits for the answer.</summary>
    public async Task TellAsync(string line)
    {
        await _writer.WriteLineAsync(line);
        if (await _reader.ReadLineAsync() is null)
        {
            throw new InvalidDataException("the guest has ended");
        }
    }

    public void Dispose() => _client.Dispose();
}
