using System.Globalization;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Xenlet.BenchPrograms;

/// <summary>
/// Joins what the console tells to what the peer does: a measurement counts from the peer's "begin" to its "end COUNT". Each line of the
/// peer is answered by one.
/// </summary>
internal sealed class Control
{
    /// <summary>The port that every measured server answers it at.</summary>
    public const int Port = 9000;

    // One entry for each measurement whose counters have been read.
    private readonly Channel<string> _begun = Channel.CreateUnbounded<string>();

    private TaskCompletionSource<int> _ended = new();

    /// <summary>
    /// Reads counters before and after what the peer does. Each measurement begins without garbage: it would otherwise be chance which of
    /// them pays for what they all have left, and one collection of the heap decides the 99th percentile of a few thousand requests.
    /// </summary>
    public async Task MeasureAsync(string name)
    {
        GC.Collect();
        _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await Measure.RunAsync(name, () =>
        {
            _begun.Writer.TryWrite(name);
            return _ended.Task;
        });
    }

    /// <summary>Answers a peer's lines.</summary>
    public async Task ServeAsync(Socket socket)
    {
        using NetworkStream stream = new(socket, ownsSocket: true);
        using StreamReader reader = new(stream);
        using StreamWriter writer = new(stream) { AutoFlush = true };
        while (await reader.ReadLineAsync() is { } line)
        {
            switch (line.Split(' '))
            {
                case ["begin"]:
                    await _begun.Reader.ReadAsync();
                    break;
                case ["end", var count]:
                    _ended.TrySetResult(int.Parse(count, CultureInfo.InvariantCulture));
                    break;
                case ["memory", var name]:
                    Measure.Collect();
                    Measure.Report(name, "free", Counters.FreeMemory());
                    break;
                default:
                    throw new InvalidDataException($"'{line}' is not understood.");
            }

            await writer.WriteLineAsync("done");
        }
    }
}
