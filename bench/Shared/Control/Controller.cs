using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Xenlet.BenchPrograms;

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
        await client.ConnectAsync(address, Control.Port);
        return new(client);
    }

    /// <summary>Does work between the guest's two readings of its counters.</summary>
    /// <param name="address">The guest's.</param>
    /// <param name="count">How many operations it is.</param>
    /// <param name="workAsync">Does it.</param>
    public static async Task MeasureAsync(IPAddress address, int count, Func<Task> workAsync)
    {
        using Controller control = await OpenAsync(address);
        await control.TellAsync("begin");
        await workAsync();
        await control.TellAsync(string.Create(CultureInfo.InvariantCulture, $"end {count}"));
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
