using System.Diagnostics;

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
        ProcessStartInfo start = new(command, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory,
        };

        // The build that started the tests left its own variables; they are not this command's.
        foreach (string variable in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToList())
        {
            start.Environment.Remove(variable);
        }

        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

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
