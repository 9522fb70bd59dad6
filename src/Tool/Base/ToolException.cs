namespace Xenlet.Tool.Base;

/// <summary>A command cannot be carried out. The message is one line that names what is wrong, and where.</summary>
internal sealed class ToolException(string message, int exitStatus = ToolException.Failed) : Exception(message)
{
    /// <summary>Exit status when a command was understood and failed.</summary>
    public const int Failed = 1;

    /// <summary>Exit status when the command line was not understood.</summary>
    public const int Usage = 2;

    /// <summary>What the process should end with.</summary>
    public int ExitStatus { get; } = exitStatus;
}
