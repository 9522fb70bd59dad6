using System.Diagnostics;
using System.Text;
using Xenlet.Tests;

namespace Xenlet.Packages.Tests;

/// <summary>Runs commands to their end.</summary>
internal static class Commands
{
    /// <summary>Longest time that a publish may take on a machine that is busy otherwise.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    /// <summary>Runs a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="directory">Where it runs.</param>
    /// <param name="environment">Variables over those of this process.</param>
    public static async Task<CommandResult> RunAsync(
        string command, IReadOnlyList<string> arguments, string directory, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = CommandStart.Create(command, arguments, environment);
        start.WorkingDirectory = directory;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string line = $"{command} {string.Join(' ', arguments)}";
        using CancellationTokenSource limit = new(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"'{line}' ought to end within {Limit.TotalMinutes} minutes, and wrote until then:\n{await output}{await errors}");
        }

        return new CommandResult(line, process.ExitCode, await output + await errors);
    }

    /// <summary>Runs a command in a terminal, by script(1), and types when it has written what is awaited.</summary>
    /// <param name="line">The command line, for the shell.</param>
    /// <param name="awaited">What it writes first.</param>
    /// <param name="answer">Gives the keys; it gets what the terminal shows until then.</param>
    /// <param name="directory">Where it runs.</param>
    /// <param name="environment">Variables over those of this process.</param>
    /// <returns>What was on the terminal, and the command's exit status.</returns>
    public static async Task<CommandResult> RunInTerminalAsync(
        string line,
        string awaited,
        Func<string, Task<string>> answer,
        string directory,
        IReadOnlyDictionary<string, string> environment)
    {
        ProcessStartInfo start =
            CommandStart.Create("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], environment);
        start.WorkingDirectory = directory;
        start.RedirectStandardInput = true;
        using Process process = Process.Start(start)!;
        using CancellationTokenSource limit = new(Limit);
        StringBuilder terminal = new();
        char[] buffer = new char[1024];
        bool isTyped = false;
        try
        {
            int count;
            while ((count = await process.StandardOutput.ReadAsync(buffer, limit.Token)) > 0)
            {
                terminal.Append(buffer, 0, count);
                if (!isTyped && terminal.ToString().Contains(awaited, StringComparison.Ordinal))
                {
                    isTyped = true;
                    await process.StandardInput.WriteAsync(await answer(terminal.ToString()));
                    await process.StandardInput.FlushAsync(limit.Token);
                }
            }

            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"'{line}' ought to end within {Limit.TotalMinutes} minutes, and the terminal showed until then:\n{terminal}");
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return new CommandResult(line, process.ExitCode, terminal.ToString());
    }
}
