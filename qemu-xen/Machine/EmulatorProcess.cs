using System.ComponentModel;
using System.Diagnostics;

namespace Xenlet.QemuXen.Machine;

/// <summary>
/// A running emulator that cannot outlive this process: the kernel kills it when the thread that started it ends, and that thread lives
/// exactly as long as the emulator (prctl(2), PR_SET_PDEATHSIG).
/// </summary>
internal sealed class EmulatorProcess : IAsyncDisposable
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly TextLog _errors = new();
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private EmulatorProcess(Process process) => _process = process;

    /// <summary>Completes without an error when the emulator has ended for whatever reason.</summary>
    public Task Exited => _exited.Task;

    /// <summary>The output of the emulator itself, as opposed to the machine inside.</summary>
    public TextLog Errors => _errors;

    /// <summary>The emulator's exit status; 128 + signal number if it was killed.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Starts an emulator.</summary>
    /// <param name="program">Name of the emulator's program.</param>
    /// <param name="package">The Debian package that contains it.</param>
    /// <param name="command">What to start: the program, or another that starts it, and its arguments.</param>
    /// <param name="directory">Its current directory.</param>
    /// <exception cref="QemuXenException">The program or setpriv is not installed.</exception>
    public static async Task<EmulatorProcess> StartAsync(string program, string package, IReadOnlyList<string> command, string directory)
    {
        TaskCompletionSource<EmulatorProcess> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() => RunToEnd(program, package, command, directory, started)) { IsBackground = true, Name = program };
        thread.Start();
        return await started.Task;
    }

    /// <summary>Kills the emulator, waits for its end and releases it.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    /// <summary>Kills the emulator and waits for its end.</summary>
    public async Task KillAsync()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has already ended.
        }

        await Exited;
    }

    private static void RunToEnd(
        string program, string package, IReadOnlyList<string> command, string directory, TaskCompletionSource<EmulatorProcess> started)
    {
        // setsid keeps a terminal's Ctrl-C away from the emulator, so that the machine is shut down in order.
        ProcessStartInfo start = new("setpriv", ["--pdeathsig", "KILL", "setsid", .. command])
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        EmulatorProcess emulator;
        try
        {
            if (!IsInstalled(program))
            {
                throw new QemuXenException($"{program} is not installed. Run as root: apt-get install {package}");
            }

            emulator = new EmulatorProcess(Process.Start(start)!);
        }
        catch (Exception e) when (e is Win32Exception or QemuXenException)
        {
            started.SetException(
                e as QemuXenException ?? new QemuXenException($"Cannot start setpriv (package util-linux): {e.Message}.", e));
            return;
        }

        emulator._process.StandardInput.Close();
        Task reading = Task.WhenAll(
            emulator._errors.CopyFromAsync(emulator._process.StandardError.BaseStream),
            emulator._errors.CopyFromAsync(emulator._process.StandardOutput.BaseStream));
        started.SetResult(emulator);
        emulator._process.WaitForExit();

        // A program that the emulator started may still hold its pipes; otherwise they end at once.
        reading.Wait(ReadLimit);
        emulator._exited.SetResult();
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, program)));
}
