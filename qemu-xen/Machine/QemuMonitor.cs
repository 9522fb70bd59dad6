using System.Text;
using System.Threading.Channels;

namespace Xenlet.QemuXen.Machine;

/// <summary>A connection to QEMU's machine protocol: one command at a time, each answered by one JSON object on a line.</summary>
internal sealed class QemuMonitor : IAsyncDisposable
{
    private readonly Stream _stream;
    private readonly TextLog _log = new();
    private readonly Channel<string> _answers = Channel.CreateUnbounded<string>();
    private readonly Task _reading;

    private QemuMonitor(Stream stream)
    {
        _stream = stream;
        _log.LineAdded += line =>
        {
            if (line.StartsWith("{\"return\"", StringComparison.Ordinal) || line.StartsWith("{\"error\"", StringComparison.Ordinal))
            {
                _answers.Writer.TryWrite(line);
            }
        };
        _reading = ReadAsync();
    }

    /// <summary>Starts the protocol on a connection, which it owns from now on.</summary>
    public static async Task<QemuMonitor> OpenAsync(Stream stream, CancellationToken cancellationToken)
    {
        QemuMonitor monitor = new(stream);
        await monitor.ExecuteAsync("""{"execute":"qmp_capabilities"}""", cancellationToken);
        return monitor;
    }

    /// <summary>Runs a command and returns its answer.</summary>
    /// <exception cref="QemuXenException">QEMU refused the command or has ended.</exception>
    public async Task<string> ExecuteAsync(string command, CancellationToken cancellationToken)
    {
        string answer;
        try
        {
            await _stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\n"), cancellationToken);
            answer = await _answers.Reader.ReadAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or ChannelClosedException or ObjectDisposedException)
        {
            throw new QemuXenException("QEMU has ended.", e);
        }

        return answer.StartsWith("{\"return\"", StringComparison.Ordinal)
            ? answer
            : throw new QemuXenException($"QEMU refused {command}: {answer}");
    }

    /// <summary>Closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await _reading;
    }

    private async Task ReadAsync()
    {
        await _log.CopyFromAsync(_stream);
        _answers.Writer.TryComplete();
    }
}
