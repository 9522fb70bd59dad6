using System.ComponentModel;
using System.Diagnostics;

namespace Xenlet.Bench;

/// <summary>Runs a command of this machine to its end.</summary>
internal static class HostCommand
{
    /// <summary>Gives what the command writes to standard output.</summary>
    /// <exception cref="BenchException">It fails, with what it wrote, or there is no such command.</exception>
    public static async Task<string> RunAsync(string command, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(command, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };

        // The build that started the measurement left its own variables; they are not this command's.
        foreach (string variable in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(variable);
        }

        try
        {
            using Process process = Process.Start(start)!;
            using CancellationTokenRegistration stop = cancellation.Register(() => process.Kill(entireProcessTree: true));
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            Task<string> errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
            await process.WaitForExitAsync(CancellationToken.None);
            cancellation.ThrowIfCancellationRequested();
            return process.ExitCode == 0
                ? await output
                : throw new BenchException(
                    $"'{command} {string.Join(' ', arguments)}' ended with status {process.ExitCode}:\n{(await output + await errors).Trim()}");
        }
        catch (Win32Exception failure)
        {
            throw new BenchException($"cannot start '{command}': {failure.Message}.");
        }
    }
}
