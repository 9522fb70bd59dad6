using System.Diagnostics.CodeAnalysis;

namespace Xenlet.Kernel;

/// <summary>
/// Ends the guest at once: no <c>finally</c> block, exit handler or other thread runs any more. What was written to the console is given to its
/// back end first, for up to two seconds. A program that is done returns from <c>Main</c> or calls <see cref="Environment.Exit"/>.
/// </summary>
/// <remarks>What happens next is the tool stack's decision: on_poweroff, on_reboot and on_crash in the domain's configuration. Works without Xen too.</remarks>
public interface IPower
{
    /// <summary>Switches the guest off. No exit status is reported.</summary>
    [DoesNotReturn]
    void PowerOff();

    /// <summary>Ends the guest and asks for a new start.</summary>
    [DoesNotReturn]
    void Reboot();

    /// <summary>Ends the guest as crashed, without a report; <see cref="Environment.FailFast(string)"/> gives one.</summary>
    [DoesNotReturn]
    void Crash();
}
