using System.Diagnostics;

namespace Xenlet.Build;

/// <summary>
/// The C# compiler as a server for the builds of one test run, so that some forty compilations share its start. It belongs to the run and
/// ends with it, whatever the user's environment says about servers.
/// </summary>
internal sealed class CompilerServer : IDisposable
{
    private readonly string _pipe = $"xenlet-{Environment.ProcessId}";

    /// <summary>Options for MSBuild.</summary>
    public IReadOnlyList<string> Options => ["-p:UseSharedCompilation=true", $"-p:SharedCompilationId={_pipe}"];

    /// <summary>Ends it and returns its processor time, which no other process's includes.</summary>
    public TimeSpan End()
    {
        TimeSpan used = TimeSpan.Zero;
        foreach (string directory in Directory.EnumerateDirectories("/proc").Where(IsServer))
        {
            try
            {
                using Process server = Process.GetProcessById(
                    int.Parse(Path.GetFileName(directory), System.Globalization.CultureInfo.InvariantCulture));
                used += server.TotalProcessorTime;
                server.Kill();
            }
            catch (Exception ended) when (ended is ArgumentException or InvalidOperationException)
            {
                // It has ended by itself meanwhile.
            }
        }

        return used;
    }

    /// <inheritdoc/>
    public void Dispose() => End();

    private bool IsServer(string directory)
    {
        try
        {
            return Path.GetFileName(directory).All(char.IsAsciiDigit) &&
                File.ReadAllText(Path.Combine(directory, "cmdline")).Split('\0').Contains($"-pipename:{_pipe}");
        }
        catch (IOException)
        {
            return false;
        }
    }
}
