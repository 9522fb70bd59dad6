using System.Globalization;
using System.Management.Automation.Host;

namespace Xenlet.PowerShellHost;

/// <summary>
/// The host that PowerShell's engine sees. Because it has a user interface, the engine lets native commands inherit this process's standard
/// streams if nobody in the script consumes their output.
/// </summary>
internal sealed class ConsoleHost : PSHost
{
    /// <summary>The status of the script's <c>exit</c>; <see langword="null"/> if there was none.</summary>
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
        // NotifyBeginApplication changed nothing.
    }

    /// <inheritdoc/>
    public override void SetShouldExit(int exitCode) => ExitStatus = exitCode;
}
