using System.Diagnostics;

namespace Xenlet.Drivers.Tests;

/// <summary>The services of a domain in a process whose thread pool has no thread left.</summary>
public sealed class BlockedPoolTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task With_every_thread_of_the_pool_blocked_all_that_the_services_do_is_done_and_nothing_is_left_to_the_pool()
    {
        string host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? Environment.ProcessPath!;
        ProcessStartInfo start = new(host, ["exec", typeof(BlockedPoolTests).Assembly.Location, BlockedPoolRun.Argument])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        finally
        {
            process.Kill();
        }

        Assert.True(process.ExitCode == 0, $"the process ended with status {process.ExitCode}:\n{await output}\n{await errors}");
    }
}
