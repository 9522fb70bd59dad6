using System.Collections.Concurrent;
using System.Text;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Machine;

/// <summary>
/// The host's end of the connection to the agent in dom0: starts commands, and receives their ends and changes of the domains.
/// </summary>
internal sealed class AgentChannel : IAsyncDisposable
{
    private const int LongestLine = 4096;

    private readonly Stream _stream;
    private readonly string _share;
    private TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _unmounted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<int, TaskCompletionSource<int>> _running = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly DomainList _domains;
    private readonly Task _reading;
    private int _lastId;
    private int _lastList;
    private volatile bool _isClosed;

    /// <summary>Serves a connection to the agent.</summary>
    /// <param name="stream">The connection, owned from now on.</param>
    /// <param name="share">The directory that dom0 sees as /host.</param>
    /// <param name="domains">Told of every event of domains and given every list of them, one call at a time.</param>
    public AgentChannel(Stream stream, string share, DomainList domains)
    {
        _stream = stream;
        _share = share;
        _domains = domains;
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Completes when the agent serves commands. Fails if dom0 reports that it cannot, or the connection breaks first.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Lines that do not belong to the protocol, for a message about a failure.</summary>
    public TextLog Noise { get; } = new();

    /// <summary>Runs a shell script in dom0 and returns its output at its end.</summary>
    public Task<CommandResult> RunAsync(string script, TimeSpan limit, CancellationToken cancellationToken) =>
        RunAsync(script, limit, lines: null, cancellationToken);

    /// <summary>Runs a shell script in dom0.</summary>
    /// <param name="script">Text of the script.</param>
    /// <param name="limit">The time limit, after which it is killed.</param>
    /// <param name="lines">Receives each line of its standard output as it is written.</param>
    /// <param name="cancellationToken">Also kills it.</param>
    /// <exception cref="QemuXenException">The limit passed or the connection to dom0 broke.</exception>
    public async Task<CommandResult> RunAsync(string script, TimeSpan limit, IProgress<string>? lines, CancellationToken cancellationToken)
    {
        int id = Interlocked.Increment(ref _lastId);
        TaskCompletionSource<int> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        string file = Path.Combine(_share, "command", $"{id}.");
        await File.WriteAllTextAsync(file + "sh", $"cd /\n{script}", cancellationToken);
        Make(file + "out");
        Make(file + "err");
        _running[id] = ended;
        await using FollowedFile? followed = lines is null ? null : new(file + "out", lines);
        try
        {
            if (_isClosed)
            {
                throw Gone();
            }

            await SendAsync($"run {id}");
            int status = await ended.Task.WaitAsync(limit, cancellationToken);
            await (followed?.FinishAsync() ?? Task.CompletedTask);
            return new(status, await ReadIfThereAsync(file + "out"), await ReadIfThereAsync(file + "err"));
        }
        catch (TimeoutException timeout)
        {
            await SendAsync($"kill {id}");
            string soFar = await ReadIfThereAsync(file + "out") + await ReadIfThereAsync(file + "err");
            throw new QemuXenException(
                $"A command in dom0 did not end within {limit.TotalSeconds:0.#} s: {FirstLine(script)}\nIt wrote so far: {soFar.Trim()}",
                timeout);
        }
        catch (OperationCanceledException)
        {
            await SendAsync($"kill {id}");
            throw;
        }
        finally
        {
            _running.TryRemove(id, out _);
            foreach (string kind in new[] { "sh", "out", "err" })
            {
                File.Delete(file + kind);
            }
        }
    }

    /// <summary>
    /// Unmounts the shared directory in dom0. No command may use it meanwhile. QEMU does not save a machine that has one mounted.
    /// </summary>
    public async Task UnmountAsync()
    {
        _unmounted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await SendAsync("unmount");
        await _unmounted.Task;
    }

    /// <summary>Mounts the shared directory in dom0 and sets its clock. <see cref="Ready"/> completes again when that is done.</summary>
    public async Task MountAsync()
    {
        _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await SendAsync($"mount {DateTimeOffset.UtcNow.ToUnixTimeSeconds()}");
    }

    /// <summary>Requests a list of the domains.</summary>
    /// <exception cref="QemuXenException">The connection has broken.</exception>
    public Task ListAsync()
    {
        int number = Interlocked.Increment(ref _lastList);
        Make(ListPath(number));
        return SendAsync($"list {number}");
    }

    /// <summary>Sends a line that requests nothing.</summary>
    /// <exception cref="QemuXenException">The connection has broken.</exception>
    public Task BeatAsync() => SendAsync("beat");

    /// <summary>Closes the connection. Commands that still run fail.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await _reading;
        _writing.Dispose();
    }

    /// <summary>Makes an empty file: the agent would need more messages for it than for opening it.</summary>
    private static void Make(string path) => File.Open(path, FileMode.OpenOrCreate).Dispose();

    private string ListPath(int number) => Path.Combine(_share, "domains", $"{number}");

    private static QemuXenException Gone() => new("The connection to dom0 has ended: QEMU or dom0 is gone.");

    private static string FirstLine(string script) => script.TrimStart().Split('\n')[0];

    private static async Task<string> ReadIfThereAsync(string path) => File.Exists(path) ? await File.ReadAllTextAsync(path) : "";

    private async Task SendAsync(string line)
    {
        await _writing.WaitAsync();
        try
        {
            await _stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\n"));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw Gone();
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[LongestLine];
        int held = 0;
        try
        {
            int count;
            while ((count = await _stream.ReadAsync(buffer.AsMemory(held))) > 0)
            {
                held += count;
                int start = 0;
                int length;
                while ((length = buffer.AsSpan(start, held - start).IndexOf((byte)'\n')) >= 0)
                {
                    Take(Encoding.UTF8.GetString(buffer, start, length));
                    start += length + 1;
                }

                // A line that fills the buffer is not the protocol's; the rest of it is dropped in pieces.
                if (start == 0 && held == buffer.Length)
                {
                    Noise.Append(buffer);
                    start = held;
                }

                buffer.AsSpan(start, held - start).CopyTo(buffer);
                held -= start;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Treated as the end of the stream.
        }
        finally
        {
            FailAll();
        }
    }

    private void FailAll()
    {
        _isClosed = true;
        _ready.TrySetException(Gone());
        _ = _ready.Task.Exception;
        _unmounted.TrySetException(Gone());
        _ = _unmounted.Task.Exception;
        foreach (TaskCompletionSource<int> command in _running.Values)
        {
            command.TrySetException(Gone());
        }
    }

    private void Take(string line)
    {
        AgentMessage? message = AgentMessage.Parse(line);
        switch (message?.Kind)
        {
            case AgentMessageKind.Ready:
                _ready.TrySetResult();
                break;
            case AgentMessageKind.Unmounted:
                _unmounted.TrySetResult();
                break;
            case AgentMessageKind.Failed:
                _ready.TrySetException(new QemuXenException($"dom0 could not start: {message.Text}"));
                break;
            case AgentMessageKind.Done:
                // Nobody waits for a killed command any more.
                if (_running.TryGetValue(message.Number, out TaskCompletionSource<int>? ended))
                {
                    ended.TrySetResult(message.Status);
                }

                break;
            case AgentMessageKind.Introduced:
                _domains.HandleIntroduced();
                break;
            case AgentMessageKind.Released:
                _domains.HandleReleased();
                break;
            case AgentMessageKind.Domains:
                string list = ListPath(message.Number);
                if (File.Exists(list))
                {
                    string table = File.ReadAllText(list);
                    File.Delete(list);
                    _domains.Take(DomainState.ParseList(table));
                }

                break;
            default:
                Noise.Append(Encoding.UTF8.GetBytes(line + "\n"));
                break;
        }
    }
}
