namespace Xenlet.Build;

/// <summary>A command cannot be carried out. The message says what is wrong and, if there is one, the remedy.</summary>
internal sealed class BuildException(string message, int exitStatus = BuildException.Failed) : Exception(message)
{
    /// <summary>Exit status if a command was understood but failed.</summary>
    public const int Failed = 1;

    /// <summary>Exit status if the command line was not understood.</summary>
    public const int Usage = 2;

    /// <summary>The process's exit status.</summary>
    public int ExitStatus { get; } = exitStatus;
}
