using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;

namespace Xenlet.QemuXen.Machine;

/// <summary>
/// dom0's ports for an emulator whose machine reaches the host only by TCP. Each connection begins with a line: <see cref="Key"/>, a space
/// and the port number. A client that does not know the key, such as another user of this host, is rejected.
/// </summary>
internal sealed class PortListener : IAsyncDisposable
{
    private const int LongestGreeting = 80;

    private static readonly TimeSpan GreetingLimit = TimeSpan.FromMinutes(5);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<int, Channel<Stream>> _ports = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    /// <summary>Starts to listen on an address that only this host can reach.</summary>
    public PortListener()
    {
        _listener.Start();
        _accepting = AcceptAllAsync();
    }

    /// <summary>The TCP port.</summary>
    public int TcpPort => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The secret that a connection must send.</summary>
    public string Key { get; } = RandomNumberGenerator.GetHexString(32, lowercase: true);

    /// <summary>Waits for the next connection to a port.</summary>
    public async Task<Stream> AcceptAsync(int port, CancellationToken cancellationToken) =>
        await Port(port).Reader.ReadAsync(cancellationToken);

    /// <summary>Stops listening. Accepted connections stay open.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        foreach (Channel<Stream> port in _ports.Values)
        {
            while (port.Reader.TryRead(out Stream? stream))
            {
                await stream.DisposeAsync();
            }
        }

        _stop.Dispose();
    }

    private Channel<Stream> Port(int number) => _ports.GetOrAdd(number, _ => Channel.CreateUnbounded<Stream>());

    private async Task AcceptAllAsync()
    {
        List<Task> greetings = [];
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync(_stop.Token);
                socket.NoDelay = true;
                greetings.Add(GreetAsync(new NetworkStream(socket, ownsSocket: true)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(greetings);
        }
    }

    private async Task GreetAsync(NetworkStream stream)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(GreetingLimit);
        try
        {
            if (await ReadGreetingAsync(stream, limit.Token) is { } number)
            {
                Port(number).Writer.TryWrite(stream);
                return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It never sent its request.
        }

        await stream.DisposeAsync();
    }

    /// <summary>Reads the first line and nothing after it. Returns null if it is not the right one.</summary>
    private async Task<int?> ReadGreetingAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        byte[] line = new byte[LongestGreeting];
        for (int length = 0; length < line.Length; length++)
        {
            if (await stream.ReadAsync(line.AsMemory(length, 1), cancellationToken) == 0)
            {
                return null;
            }

            if (line[length] == '\n')
            {
                int blank = line.AsSpan(0, length).IndexOf((byte)' ');
                return blank >= 0
                    && CryptographicOperations.FixedTimeEquals(line.AsSpan(0, blank), Encoding.ASCII.GetBytes(Key))
                    && int.TryParse(line.AsSpan((blank + 1)..length), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                    ? number
                    : null;
            }
        }

        return null;
    }
}
