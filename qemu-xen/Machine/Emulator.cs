using System.Globalization;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Machine;

/// <summary>A program that emulates a machine with Xen and dom0, and the connections between dom0 and this process.</summary>
/// <remarks>
/// dom0 sees a directory of the host, and has numbered ports, each a stream of bytes to the host, which the script dom0/port opens. Port 0
/// serves the shared directory if the emulator itself cannot, port 1 is for the agent, and the others carry console input of guests.
/// </remarks>
internal abstract class Emulator : IAsyncDisposable
{
    /// <summary>The port of the shared directory.</summary>
    protected const int SharePort = 0;

    /// <summary>The port of the agent in dom0.</summary>
    protected const int AgentPort = 1;

    /// <summary>The first port for general use.</summary>
    public const int FirstFreePort = 2;

    /// <summary>The number of ports from <see cref="FirstFreePort"/> on.</summary>
    public const int FreePorts = 24;

    /// <summary>The emulator's name, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>Factor applied to every limit: how much slower than QEMU the emulator is.</summary>
    public virtual double Slowness => 1;

    /// <summary>Whether interrupts get lost, so that dom0 must be interrupted from outside (<see cref="Heartbeat"/>).</summary>
    public virtual bool LosesInterrupts => false;

    /// <summary>The process. Null before <see cref="StartAsync"/>.</summary>
    public EmulatorProcess? Process { get; private protected set; }

    /// <summary>The first serial port, after the start.</summary>
    public abstract Stream Serial { get; }

    /// <summary>Starts the program.</summary>
    /// <param name="state">A state to start from, or null. Only for an emulator that <see cref="ISavesState"/>.</param>
    /// <param name="limit">The time limit for the first serial port.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="QemuXenException">It does not start.</exception>
    public abstract Task StartAsync(SavedState? state, TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>Waits for the connection to dom0's agent.</summary>
    public abstract Task<Stream> OpenAgentAsync(CancellationToken cancellationToken);

    /// <summary>Opens a port.</summary>
    /// <param name="port">Its number.</param>
    /// <param name="openInDom0">Makes dom0 open its end, without waiting for that.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public abstract Task<Stream> OpenPortAsync(int port, Action openInDom0, CancellationToken cancellationToken);

    /// <summary>Connects to the second serial port, which is ttyS1 in dom0.</summary>
    public abstract Task<Stream> OpenSecondSerialPortAsync(CancellationToken cancellationToken);

    /// <summary>Plugs a network card into the machine, behind which ports of the host lead to a guest.</summary>
    /// <returns>The ports of the host.</returns>
    /// <exception cref="QemuXenException">The emulator cannot, or a port that was named is taken.</exception>
    public virtual Task<IReadOnlyList<PortForward>> PlugNetworkAsync(
        ForwardedNetwork network, IReadOnlyList<ForwardedPort> ports, CancellationToken cancellationToken) =>
        throw new QemuXenException($"{Name} has no network whose ports could lead to a guest; QEMU has.");

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }
    }

    /// <summary>The last lines of the emulator's own output.</summary>
    public virtual string Logs() => Limits.Extract(Name, Process?.Errors.Tail(8) ?? "");

    /// <summary>
    /// The words of Xen's command line about memory. With bootscrub, Xen would clear all free memory, for each of whose pages the host has
    /// to find one.
    /// </summary>
    protected static string XenMemoryWords(XenMachineOptions options) =>
        string.Create(CultureInfo.InvariantCulture, $"dom0_mem={options.Dom0MemoryMiB}M,max:{options.Dom0MemoryMiB}M bootscrub=0");

    /// <summary>Waits for something that cannot happen any more once the emulator has ended.</summary>
    /// <param name="task">The awaited task.</param>
    /// <param name="what">What the emulated machine is awaited to do, as in "dom0 was ready".</param>
    /// <param name="limit">The time limit.</param>
    /// <param name="logs">Returns the last lines of the relevant logs.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="QemuXenException">The limit passed, the emulator ended first, or the awaited task failed.</exception>
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
    /// <summary>The state of this machine, whether its file exists or not.</summary>
    Task<SavedState> FindStateAsync(CancellationToken cancellationToken);

    /// <summary>Saves the machine and leaves it stopped. dom0 must have unmounted the shared directory.</summary>
    /// <exception cref="QemuXenException">It cannot be saved.</exception>
    Task SaveAsync(SavedState state, TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>Continues a machine that was saved or that started from a state.</summary>
    /// <exception cref="QemuXenException">The state cannot be read.</exception>
    Task ContinueAsync(TimeSpan limit, CancellationToken cancellationToken);
}
