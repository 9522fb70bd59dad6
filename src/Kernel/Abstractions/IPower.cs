using System.Diagnostics.CodeAnalysis;

namespace Xenlet.Kernel;

/// <summary>
/// Suspends the guest, or ends it. An end comes at once: no <c>finally</c> block, exit handler or other thread runs any more. What was
/// written to the console is given to its back end first, for up to two seconds. A program that is done returns from <c>Main</c> or calls
/// <see cref="Environment.Exit"/>.
/// </summary>
/// <remarks>
/// What happens next is the tool stack's decision: on_poweroff, on_reboot and on_crash in the domain's configuration. Works without Xen
/// too.
/// </remarks>
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

    /// <summary>
    /// Suspends the domain, as the tool stack asks for in <c>control/shutdown</c>, and returns when it runs again. No other thread runs
    /// meanwhile. Whoever calls it has brought drivers and xenstore to rest (<c>DomainSuspend</c> of XenBus) and finds their connections
    /// anew.
    /// </summary>
    /// <remarks>
    /// .NET's monotonic clocks go on from where they stood, <see cref="DateTime.UtcNow"/> is the new host's. After
    /// <see cref="SuspendResult.Resumed"/> every
    /// <see cref="IEventChannel"/> of before is dead: a wait ends with <see cref="ObjectDisposedException"/>; and every
    /// <see cref="IGrant"/> of before has ended.
    /// </remarks>
    /// <exception cref="XenException">Xen refused, and nothing has happened.</exception>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    SuspendResult Suspend();

    /// <summary>
    /// Names what runs since the start or the last <see cref="SuspendResult.Resumed"/>: random, and another one after each, also in each
    /// of several domains that were restored from one saved
    /// image. It is what other hypervisors call the VM generation id.
    /// </summary>
    /// <remarks>
    /// <see cref="System.Security.Cryptography.RandomNumberGenerator"/>, <see cref="Guid.NewGuid"/> and whatever else asks the kernel
    /// give new numbers after a resume by themselves. Whoever
    /// keeps random numbers for later (a nonce, a key that is still to be used, the state of a generator of its own) remembers the id
    /// with them, and draws anew when it has
    /// changed. Reading it is a system call.
    /// </remarks>
    Guid GenerationId { get; }

    /// <summary>
    /// Asks the program to end, as SIGTERM does on Linux: handlers of <see cref="System.Runtime.InteropServices.PosixSignalRegistration"/>
    /// are called, and where none takes the signal for itself the program ends with status 143 by way of
    /// <see cref="AppDomain.ProcessExit"/>. Returns at once.
    /// </summary>
    /// <param name="thenReboot">Whether the guest is started again when the program has ended, instead of being switched off.</param>
    void Terminate(bool thenReboot);

    /// <summary>
    /// Has something done last when the program ends in order, which is when <c>Main</c> returns, by <see cref="Environment.Exit"/>, and
    /// after
    /// <see cref="Terminate"/>: after all handlers of <see cref="AppDomain.ProcessExit"/> that were added before the end began. The end
    /// waits for it. A crash, and the ends of this interface, do without.
    /// </summary>
    /// <param name="last">Called on the thread that ends the program; must not throw.</param>
    /// <returns>Takes it back.</returns>
    IDisposable OnProgramEnd(Action last);
}
