using System.Diagnostics;
using Xenlet.QemuXen.Base;
using Xenlet.Tests.RealXenStored;

namespace Xenlet.Bench;

/// <summary>Debian's xenstored on this machine, with a preloaded library in place of a hypervisor, and one node in it.</summary>
internal sealed class HostStore : IAsyncDisposable
{
    /// <summary>The node.</summary>
    public const string Node = "/bench/node";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private readonly string _directory;
    private readonly Dictionary<string, string> _environment;
    private readonly Process _daemon;

    private HostStore(string directory, Dictionary<string, string> environment, Process daemon)
    {
        _directory = directory;
        _environment = environment;
        _daemon = daemon;
    }

    private string Socket => Path.Combine(_directory, "socket");

    /// <summary>Starts the daemon and writes the node.</summary>
    /// <exception cref="BenchException">It does not start.</exception>
    public static async Task<HostStore> StartAsync(string directory, CancellationToken cancellationToken)
    {
        XenStoreSoftware software = await XenStoreSoftware.GetAsync();
        string state = Directory.CreateDirectory(Path.Combine(directory, "xenstored")).FullName;

        // What the preloaded library takes for domain 0's ring, port and events.
        File.WriteAllBytes(Path.Combine(state, "ring0"), new byte[4096]);
        File.WriteAllText(Path.Combine(state, "xsd_port"), "100\n");
        await HostCommand.RunAsync(
            "mkfifo", [Path.Combine(state, "events"), Path.Combine(state, "event0")], cancellationToken: cancellationToken);
        Dictionary<string, string> environment = new()
        {
            ["LD_LIBRARY_PATH"] = software.LibraryDirectory,
            ["XENSTORED_RUNDIR"] = state,
            ["XENSTORED_ROOTDIR"] = state,
            ["XENSTORED_PATH"] = Path.Combine(state, "socket"),
        };
        ProcessStartInfo start = Start(software.Daemon, ["-N"], environment);
        start.Environment["LD_PRELOAD"] = software.Shim;
        start.Environment["XENSTORED_SHIM"] = state;
        HostStore store = new(state, environment, Process.Start(start)!);
        try
        {
            long began = Stopwatch.GetTimestamp();
            while (!File.Exists(store.Socket))
            {
                if (store._daemon.HasExited || Stopwatch.GetElapsedTime(began) > StartLimit)
                {
                    throw new BenchException("xenstored does not start on the host.");
                }

                await Task.Delay(10, cancellationToken);
            }

            await store.RunAsync(software.Tool, "write", Node, "the value of a node");
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a program against the daemon and gives what it prints.</summary>
    /// <exception cref="BenchException">It fails.</exception>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(Start(program, arguments, _environment))!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output
            : throw new BenchException($"'{program} {string.Join(' ', arguments)}' ended with status {process.ExitCode}: {await errors}");
    }

    /// <summary>Ends the daemon.</summary>
    public async ValueTask DisposeAsync()
    {
        _daemon.Kill();
        await _daemon.WaitForExitAsync();
        _daemon.Dispose();
    }

    private static ProcessStartInfo Start(string program, string[] arguments, Dictionary<string, string> environment)
    {
        ProcessStartInfo start =
            new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
