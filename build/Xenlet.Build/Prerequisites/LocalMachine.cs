using Xenlet.Machines;

namespace Xenlet.Build;

/// <summary>The machine this process runs on.</summary>
/// <param name="processes">Runs the commands.</param>
internal sealed class LocalMachine(ProcessRunner processes) : InstalledFiles, IMachine
{
    private const string PackageLists = "/var/lib/apt/lists";

    /// <inheritdoc/>
    public bool IsRoot => Environment.IsPrivilegedProcess;

    /// <inheritdoc/>
    public bool HasPackageLists => Directory.Exists(PackageLists) && Directory.EnumerateFiles(PackageLists, "*_Packages*").Any();

    /// <inheritdoc/>
    public int Run(string command, params IReadOnlyList<string> arguments) =>
        processes.Run(
            command, arguments, ProcessOutput.ToStandardError, new Dictionary<string, string> { ["DEBIAN_FRONTEND"] = "noninteractive" });
}
