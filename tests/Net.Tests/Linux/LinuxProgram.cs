using System.Diagnostics;

namespace Xenlet.Net.Tests.Linux;

/// <summary>Programs of Linux, in the network namespace of the thread that runs them.</summary>
internal static class LinuxProgram
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Runs a command of the shell, which must end well.</summary>
    /// <returns>What it writes.</returns>
    public static string Run(string command)
    {
        ProcessStartInfo start = new("sh", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"waited {Limit} for '{command}'");
        }

        Assert.True(process.ExitCode == 0, $"'{command}' ended with {process.ExitCode}: {errors.Result} {output.Result}");
        return output.Result;
    }

    /// <summary>A counter of the namespace, such as <c>TcpExt</c>'s <c>TCPSackRecovery</c> (/proc/net/netstat).</summary>
    public static long Counter(string group, string name)
    {
        string[][] lines =
        [
            .. File.ReadLines("/proc/thread-self/net/netstat")
                .Where(line => line.StartsWith(group + ':', StringComparison.Ordinal))
                .Select(line => line.Split(' ')),
        ];
        return long.Parse(lines[1][Array.IndexOf(lines[0], name)], null);
    }
}
