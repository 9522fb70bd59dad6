using System.Diagnostics;
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
}
