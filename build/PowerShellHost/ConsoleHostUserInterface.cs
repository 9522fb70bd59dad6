using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace Xenlet.PowerShellHost;

/// <summary>
/// Writes a script's output lines to standard output, and everything about the script itself (errors, warnings, verbose and debug messages)
/// to standard error. There are no prompts: a script that needs an answer reads standard input.
/// </summary>
internal sealed class ConsoleHostUserInterface : PSHostUserInterface
{
    /// <inheritdoc/>
    public override PSHostRawUserInterface RawUI => null!;

    /// <inheritdoc/>
    public override string ReadLine() => Console.In.ReadLine() ?? "";

    /// <inheritdoc/>
    public override SecureString ReadLineAsSecureString() => throw NoPrompts();

    /// <inheritdoc/>
    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) =>
        throw NoPrompts();

    /// <inheritdoc/>
    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) =>
        throw NoPrompts();

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw NoPrompts();

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options) =>
        throw NoPrompts();

    /// <inheritdoc/>
    public override void Write(string value) => Console.Out.Write(value);

    /// <inheritdoc/>
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    /// <inheritdoc/>
    public override void WriteLine(string value) => Console.Out.WriteLine(value);

    /// <inheritdoc/>
    public override void WriteErrorLine(string value) => Console.Error.WriteLine(value);

    /// <inheritdoc/>
    public override void WriteWarningLine(string message) => Console.Error.WriteLine($"warning: {message}");

    /// <inheritdoc/>
    public override void WriteVerboseLine(string message) => Console.Error.WriteLine(message);

    /// <inheritdoc/>
    public override void WriteDebugLine(string message) => Console.Error.WriteLine(message);

    /// <inheritdoc/>
    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        // A script's progress display has no place in a log.
    }

    private static NotSupportedException NoPrompts() => new("This host cannot prompt: read standard input instead.");
}
