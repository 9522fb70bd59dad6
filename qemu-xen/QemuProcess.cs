using System.ComponentModel;
using System.Diagnostics;

namespace Xenlet.QemuXen;

/// <summary>
/// A running QEMU that cannot outlive this process: the kernel kills it when the thread that started it ends, and that thread lives
/// exactly as long as QEMU does (prctl(2), PR_SET_PDEATHSIG).
/// </summary>
internal sealed class QemuProcess : IAsyncDisposable
{
    /// <summary>Name of the emulator's program.</summary>
    internal const string Program = "qemu-system-x86_64";

    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly TextLog _errors = new();
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private QemuProcess(Process process) => _process = process;

    /// <summary>Completes, without an error, when QEMU has ended for whatever reason.</summary>
    internal Task Exited => _exited.Task;

    /// <summary>What QEMU itself had to say, as opposed to the machine inside.</summary>
    internal TextLog Errors => _errors;

    /// <summary>The status QEMU ended with; 128 + signal number when it was killed.</summary>
    internal int ExitCode => _process.ExitCode;

    /// <summary>The process id, for tests that look for left-overs.</summary>
    internal int Id => _process.Id;

    /// <summary>Starts QEMU with the given arguments.</summary>
    /// <exception cref="QemuXenException">QEMU or setpriv is not installed.</exception>
    internal static async Task<QemuProcess> StartAsync(IReadOnlyList<string> arguments, string directory)
    {
        var started = new TaskCompletionSource<QemuProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => RunToEnd(arguments, directory, started)) { IsBackground = true, Name = "qemu" };
        thread.Start();
        return await started.Task;
    }

    /// <summary>Kills QEMU, waits for its end and forgets it.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    /// <summary>Kills QEMU and waits for its end.</summary>
    internal async Task KillAsync()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }

        await Exited;
    }

    private static void RunToEnd(IReadOnlyList<string> arguments, string directory, TaskCompletionSource<QemuProcess> started)
    {
        // setsid keeps a terminal's Ctrl-C away from QEMU, so that the machine is taken down in order.
        var start = new ProcessStartInfo("setpriv", ["--pdeathsig", "KILL", "setsid", Program, .. arguments])
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        QemuProcess qemu;
        try
        {
            if (!IsInstalled(Program))
            {
                throw new QemuXenException($"{Program} is not installed. Run as root: apt-get install qemu-system-x86");
            }

            qemu = new QemuProcess(Process.Start(start)!);
        }
        catch (Exception e) when (e is Win32Exception or QemuXenException)
        {
            started.SetException(e as QemuXenException ?? new QemuXenException($"Cannot start setpriv (package util-linux): {e.Message}.", e));
            return;
        }

        qemu._process.StandardInput.Close();
        Task reading = Task.WhenAll(
            qemu._errors.CopyFromAsync(qemu._process.StandardError.BaseStream),
            qemu._errors.CopyFromAsync(qemu._process.StandardOutput.BaseStream));
        started.SetResult(qemu);
        qemu._process.WaitForExit();

        // A program that QEMU started may still hold its pipes; without one, they end at once.
        reading.Wait(ReadLimit);
        qemu._exited.SetResult();
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, program)));
}
