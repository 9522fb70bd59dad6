using System.Globalization;
using System.Management.Automation.Host;

namespace Xenlet.PowerShellHost;

/// <summary>
/// What PowerShell's engine sees of the program it runs in. Because there is a user interface behind it, the engine lets
/// native commands whose output nobody in the script consumes inherit this process's standard streams.
/// </summary>
internal sealed class ConsoleHost : PSHost
{
    /// <summary>The status the script's <c>exit</c> asked for; <see langword="null"/> if it said none.</summary>
    public int? ExitStatus { get; private set; }

    /// <inheritdoc/>
    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;

    /// <inheritdoc/>
    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;

    /// <inheritdoc/>
    public override Guid InstanceId { get; } = Guid.NewGuid();

    /// <inheritdoc/>
    public override string Name => "XenletPowerShellHost";

    /// <inheritdoc/>
    public override PSHostUserInterface UI { get; } = new ConsoleHostUserInterface();

    /// <inheritdoc/>
    public override Version Version { get; } = new(1, 0);

    /// <inheritdoc/>
    public override void EnterNestedPrompt() => throw new NotSupportedException("This host has no nested prompt.");

    /// <inheritdoc/>
    public override void ExitNestedPrompt() => throw new NotSupportedException("This host has no nested prompt.");

    /// <inheritdoc/>
    public override void NotifyBeginApplication()
    {
        // The console stays as it is for a native command.
    }

    /// <inheritdoc/>
    public override void NotifyEndApplication()
    {
        // Nothing was changed when it began.
    }

    /// <inheritdoc/>
    public override void SetShouldExit(int exitCode) => ExitStatus = exitCode;
}
