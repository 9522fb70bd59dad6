using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Xenlet.Tests.RealXenStored;

/// <summary>
/// A running xenstored of Debian, version 4.17, with a store of its own. It takes the test process for dom0 when asked over its
/// socket, and for another domain when asked over that domain's ring page.
/// </summary>
public sealed class XenStoreDaemon : IAsyncDisposable
{
    private const int FirstPort = 100;
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);
    private readonly XenStoreSoftware _software;
    private readonly string[] _options;
    private readonly StringBuilder _output = new();
    private readonly List<SimulatedDomain> _domains = [];
    private Process? _process;

    private XenStoreDaemon(XenStoreSoftware software, string[] options)
    {
        _software = software;
        _options = options;
        Directory = System.IO.Directory.CreateTempSubdirectory("xenstored-").FullName;
        WriteRing(0);
        File.WriteAllText(Path.Combine(Directory, "xsd_port"), $"{FirstPort}\n");
        Fifo.Create(Path.Combine(Directory, "events"));
        Fifo.Create(Path.Combine(Directory, "event0"));
    }

    /// <summary>Holds the socket, ring pages and event channels.</summary>
    public string Directory { get; }

    /// <summary>The socket on which the daemon serves dom0.</summary>
    public string SocketPath => Path.Combine(Directory, "socket");

    /// <summary>Starts a daemon and returns when it answers.</summary>
    /// <param name="options">Further options of xenstored(8).</param>
    public static async Task<XenStoreDaemon> StartAsync(params string[] options)
    {
        XenStoreDaemon daemon = new(await XenStoreSoftware.GetAsync(), options);
        try
        {
            await daemon.LaunchAsync();
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects as dom0.</summary>
    internal RawStore ConnectRaw() => new(new SocketPipe(SocketPath));

    /// <summary>Creates a domain and introduces it: the daemon then serves its ring with an unprivileged domain's rights.</summary>
    internal SimulatedDomain Introduce(int domid = 1)
    {
        WriteRing(domid);
        string fifo = Path.Combine(Directory, $"event{domid}");
        if (!File.Exists(fifo))
        {
            Fifo.Create(fifo);
        }

        SimulatedDomain domain = new(
            domid, Path.Combine(Directory, $"ring{domid}"), fifo, Path.Combine(Directory, "events"), (byte)(FirstPort + domid));
        _domains.Add(domain);
        Reintroduce(domain);
        return domain;
    }

    /// <summary>Introduces a domain again, after a restart of the daemon or the release of the domain.</summary>
    internal void Reintroduce(SimulatedDomain domain)
    {
        using RawStore store = ConnectRaw();
        store.Expect(XsType.Introduce, $"{domain.Domid}\0{domain.Domid}\0{FirstPort + domain.Domid}\0");
        // What the toolstack gives each domain before it starts.
        string home = $"/local/domain/{domain.Domid}";
        foreach (string node in new[] { home, home + "/data" })
        {
            store.Expect(XsType.Mkdir, node + "\0");
        }

        store.Expect(XsType.SetPerms, $"{home}\0n0\0r{domain.Domid}\0");
        store.Expect(XsType.SetPerms, $"{home}/data\0n{domain.Domid}\0");
    }

    /// <summary>Releases a domain, whose connection and nodes the daemon then drops.</summary>
    internal void Release(SimulatedDomain domain)
    {
        using RawStore store = ConnectRaw();
        store.Expect(XsType.Release, $"{domain.Domid}\0");
    }

    /// <summary>Ends the daemon at once, as a crash would.</summary>
    public async Task KillAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    /// <summary>Lets the daemon's pipe end as it does when the test process ends, and waits until the daemon has.</summary>
    internal async Task EndOfTestProcessAsync()
    {
        _process!.StandardInput.Close();
        await _process.WaitForExitAsync(new CancellationTokenSource(StartLimit).Token);
    }

    /// <summary>Kills the daemon and starts another in its place, which knows neither nodes nor domains.</summary>
    public async Task RestartAsync()
    {
        await KillAsync();
        await LaunchAsync();
    }

    /// <summary>Runs xenstore-OPERATION of Debian against this daemon and returns what it printed.</summary>
    public async Task<string> RunToolAsync(string operation, params string[] arguments)
    {
        ProcessStartInfo start = Start(_software.Tool);
        start.ArgumentList.Add(operation);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Without this the tool also tries the kernel's device.
        start.ArgumentList.Insert(1, "-s");
        using Process tool = Process.Start(start)!;
        tool.StandardInput.Close();
        Task<string> errors = tool.StandardError.ReadToEndAsync();
        string output = await tool.StandardOutput.ReadToEndAsync();
        await tool.WaitForExitAsync();
        return tool.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"xenstore-{operation} ended with status {tool.ExitCode}: {await errors}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        foreach (SimulatedDomain domain in _domains)
        {
            domain.Dispose();
        }

        // A tool or the daemon that was just killed may still have files open.
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                System.IO.Directory.Delete(Directory, recursive: true);
                return;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(began) < StartLimit)
            {
                await Task.Delay(50);
            }
        }
    }

    private async Task LaunchAsync()
    {
        File.Delete(SocketPath);
        ProcessStartInfo start = Start(_software.Daemon);
        start.ArgumentList.Add("-N");
        foreach (string option in _options)
        {
            start.ArgumentList.Add(option);
        }

        start.Environment["LD_PRELOAD"] = _software.Shim;
        start.Environment["XENSTORED_SHIM"] = Directory;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        long began = Stopwatch.GetTimestamp();
        while (!Answers())
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(began) > StartLimit)
            {
                string state = _process.HasExited ? $"ended with status {_process.ExitCode}" : "does not answer";
                throw new InvalidOperationException($"xenstored {state}:\n{_output}");
            }

            await Task.Delay(2);
        }
    }

    private bool Answers()
    {
        try
        {
            using RawStore store = ConnectRaw();
            return store.Request(XsType.Directory, "/\0").Type == XsType.Directory;
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException)
        {
            return false;
        }
    }

    private ProcessStartInfo Start(string program)
    {
        ProcessStartInfo start = new(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LD_LIBRARY_PATH"] = _software.LibraryDirectory;
        start.Environment["XENSTORED_RUNDIR"] = Directory;
        start.Environment["XENSTORED_ROOTDIR"] = Directory;
        return start;
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }

    private void WriteRing(int domid) => File.WriteAllBytes(Path.Combine(Directory, $"ring{domid}"), new byte[SimulatedDomain.PageLength]);
}

/// <summary>FIFOs, which .NET cannot create.</summary>
internal static partial class Fifo
{
    public static void Create(string path)
    {
        if (mkfifo(path, 0x180) != 0)
        {
            throw new IOException($"mkfifo {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkfifo(string path, uint mode);
}
