using System.Globalization;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Machine;

/// <summary>
/// A program that emulates a machine with Xen and dom0 in it, and the ways by which dom0 and this process reach each other.
/// </summary>
/// <remarks>
/// dom0 sees a directory of the host, and has numbered ports, each a stream of bytes to the host: the script dom0/port opens one. Port
/// 0 is for the shared directory where the emulator itself has no means for it, port 1 for the agent; the others carry the input of
/// guests' consoles.
/// </remarks>
internal abstract class Emulator : IAsyncDisposable
{
    /// <summary>The port of the shared directory.</summary>
    protected const int SharePort = 0;

    /// <summary>The port of the agent in dom0.</summary>
    protected const int AgentPort = 1;

    /// <summary>The first port that is free for anything.</summary>
    public const int FirstFreePort = 2;

    /// <summary>How many ports there are from <see cref="FirstFreePort"/> on.</summary>
    public const int FreePorts = 24;

    /// <summary>The emulator's name, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>Factor on every limit: how many times longer than in QEMU things take.</summary>
    public virtual double Slowness => 1;

    /// <summary>Interrupts are lost, so that dom0 must be interrupted from outside (<see cref="Heartbeat"/>).</summary>
    public virtual bool LosesInterrupts => false;

    /// <summary>Directory of dom0 that has room for saved guests and is quick to write.</summary>
    public abstract string SaveDirectory { get; }

    /// <summary>Reading from the shared directory costs so much that dom0 had better keep a copy of an image it uses.</summary>
    public virtual bool IsShareSlow => false;

    /// <summary>The process; null before <see cref="StartAsync"/>.</summary>
    public EmulatorProcess? Process { get; private protected set; }

    /// <summary>The first serial port, when started.</summary>
    public abstract Stream Serial { get; }

    /// <summary>Starts the program.</summary>
    /// <param name="state">A state to begin with, if any: only for an emulator that <see cref="ISavesState"/>.</param>
    /// <param name="limit">How long it may take until the first serial port is there.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="QemuXenException">It does not start.</exception>
    public abstract Task StartAsync(SavedState? state, TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>Waits for the line to dom0's agent.</summary>
    public abstract Task<Stream> OpenAgentAsync(CancellationToken cancellationToken);

    /// <summary>Opens a port.</summary>
    /// <param name="port">Its number.</param>
    /// <param name="openInDom0">Has dom0 open its end, without waiting for that.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public abstract Task<Stream> OpenPortAsync(int port, Action openInDom0, CancellationToken cancellationToken);

    /// <summary>Connects to the second serial port, which dom0 knows as ttyS1.</summary>
    public abstract Task<Stream> OpenSecondSerialPortAsync(CancellationToken cancellationToken);

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }
    }

    /// <summary>The last lines of what the emulator itself said.</summary>
    public virtual string Logs() => Limits.Extract(Name, Process?.Errors.Tail(8) ?? "");

    /// <summary>Waits for something that cannot come any more once the emulator has ended.</summary>
    /// <param name="task">What is awaited.</param>
    /// <param name="what">What the emulated machine does then, as in "dom0 was ready".</param>
    /// <param name="limit">How long at most.</param>
    /// <param name="logs">The last lines of the logs that matter.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="QemuXenException">The limit passed, the emulator ended before, or what was awaited failed.</exception>
    public async Task UnlessEndedAsync(Task task, string what, TimeSpan limit, Func<string> logs, CancellationToken cancellationToken)
    {
        await Task.WhenAny(task, Process!.Exited).WithinAsync(limit, $"an emulated machine that {what}", logs, cancellationToken);
        if (!task.IsCompletedSuccessfully)
        {
            string reason = task.Exception?.InnerException?.Message
                ?? string.Create(CultureInfo.InvariantCulture, $"{Name} ended with status {Process.ExitCode} before it {what}.");
            throw new QemuXenException($"{reason}\n{logs()}");
        }
    }
}

/// <summary>An emulator that can write its machine's state to a file and start from it.</summary>
internal interface ISavesState
{
    /// <summary>Names the state of this machine, whether it exists or not.</summary>
    Task<SavedState> FindStateAsync(CancellationToken cancellationToken);

    /// <summary>Saves the machine, on which dom0 has given up the shared directory, and lets it stand still.</summary>
    /// <exception cref="QemuXenException">It cannot be saved.</exception>
    Task SaveAsync(SavedState state, TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>Lets a machine that was saved, or that started from a state, go on.</summary>
    /// <exception cref="QemuXenException">The state cannot be read.</exception>
    Task ContinueAsync(TimeSpan limit, CancellationToken cancellationToken);
}
