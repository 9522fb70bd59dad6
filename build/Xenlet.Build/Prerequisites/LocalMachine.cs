namespace Xenlet.Build;

/// <summary>The machine this process runs on.</summary>
/// <param name="processes">Runs the commands.</param>
internal sealed class LocalMachine(ProcessRunner processes) : IMachine
{
    private const string PackageLists = "/var/lib/apt/lists";

    /// <inheritdoc/>
    public bool IsRoot => Environment.IsPrivilegedProcess;

    /// <inheritdoc/>
    public bool HasPackageLists => Directory.Exists(PackageLists) && Directory.EnumerateFiles(PackageLists, "*_Packages*").Any();

    /// <inheritdoc/>
    public bool HasCommand(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .Any(IsExecutable);

    /// <inheritdoc/>
    public bool HasFile(string path) => File.Exists(path);

    /// <inheritdoc/>
    public int Run(string command, params IReadOnlyList<string> arguments) =>
        processes.Run(
            command, arguments, ProcessOutput.ToStandardError, new Dictionary<string, string> { ["DEBIAN_FRONTEND"] = "noninteractive" });

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0);
}
