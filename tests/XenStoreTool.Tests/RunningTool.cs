using System.Diagnostics;

namespace Xenlet.XenStoreTool.Tests;

/// <summary>The tool as a process of this machine.</summary>
internal sealed class RunningTool : IDisposable
{
    /// <summary>For the tool's start, an answer of xenstored, and a machine that stalls.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly Task<string> _errors;

    private RunningTool(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts it.</summary>
    /// <param name="store">What XENSTORED_PATH shall name.</param>
    /// <param name="arguments">Its command line.</param>
    public static RunningTool Start(string store, params string[] arguments)
    {
        // A runtime of its own for each run: the tests' takes no programs in. A shell that starts the tests in the background has them
        // ignore Ctrl-C, and a program inherits that: the tool must not.
        ProcessStartInfo start = new(
            "env", ["--default-signal=INT", "dotnet", Path.Combine(AppContext.BaseDirectory, "XenStoreTool.Linux.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["XENSTORED_PATH"] = store;
        return new(Process.Start(start)!);
    }

    /// <summary>Runs it to its end with an input.</summary>
    public static async Task<Ended> RunAsync(string store, string input, params string[] arguments)
    {
        using RunningTool tool = Start(store, arguments);
        await tool._process.StandardInput.WriteAsync(input);
        tool._process.StandardInput.Close();
        return await tool.EndAsync();
    }

    /// <summary>The next line it prints.</summary>
    public async Task<string?> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync().WaitAsync(Limit);

    /// <summary>Presses Ctrl-C.</summary>
    public async Task InterruptAsync()
    {
        using Process kill = Process.Start("kill", ["-INT", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits for its end.</summary>
    public async Task<Ended> EndAsync()
    {
        string output = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Limit);
        string errors = await _errors.WaitAsync(Limit);
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return new(_process.ExitCode, output, errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}

/// <summary>The result of a run.</summary>
internal sealed record Ended(int Status, string Output, string Errors);
