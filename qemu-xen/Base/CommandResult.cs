namespace Xenlet.QemuXen;

/// <summary>The result of a command in dom0.</summary>
/// <param name="ExitCode">The shell's exit status.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Returns this result, or throws with the command's output if its status is not 0.</summary>
    public CommandResult ThrowIfFailed(string what) => ExitCode == 0
        ? this
        : throw new QemuXenException($"{what} failed with status {ExitCode}: {(Error + Output).Trim()}");
}
