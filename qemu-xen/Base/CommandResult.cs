namespace Xenlet.QemuXen;

/// <summary>What a command in dom0 left behind.</summary>
/// <param name="ExitCode">The shell's exit status.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Returns this result, or throws with the command's own words when its status is not 0.</summary>
    public CommandResult ThrowIfFailed(string what) => ExitCode == 0
        ? this
        : throw new QemuXenException($"{what} failed with status {ExitCode}: {(Error + Output).Trim()}");
}
