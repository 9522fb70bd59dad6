namespace Xenlet.Machines;

/// <summary>What the machine that this process runs on has installed.</summary>
internal class InstalledFiles : IInstalledFiles
{
    /// <inheritdoc/>
    public bool HasCommand(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .Any(IsExecutable);

    /// <inheritdoc/>
    public bool HasFile(string path) => File.Exists(path);

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0);
}
