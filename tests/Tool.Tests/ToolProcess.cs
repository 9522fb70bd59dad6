using System.Diagnostics;

namespace Xenlet.Tool.Tests;

/// <summary>How the tool ended, as a process of this machine.</summary>
internal sealed record ToolProcess(int Status, string Output, string Errors)
{
    /// <summary>For the tool's start, a boot in QEMU, and a machine that stalls.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>Runs it with an input.</summary>
    public static async Task<ToolProcess> RunAsync(
        string[] arguments, string input = "", IReadOnlyDictionary<string, string>? environment = null)
    {
        // A runtime of its own for each run: the tests' takes no programs in.
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "Xenlet.Tool.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'xenlet {string.Join(' ', arguments)}' did not end within {Limit}.");
        }

        return new(process.ExitCode, await output, await errors);
    }
}
