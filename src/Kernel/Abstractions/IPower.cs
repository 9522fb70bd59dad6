using System.Diagnostics.CodeAnalysis;

namespace Xenlet.Kernel;

/// <summary>
/// Suspends the guest or ends it. The methods that end it act at once: no <c>finally</c> block, exit handler or other thread runs any more;
/// only the console's back end gets up to two seconds to take the output. A program that is done should return from <c>Main</c> or call
/// <see cref="Environment.Exit"/>.
/// </summary>
/// <remarks>
/// The tool stack decides what happens next: on_poweroff, on_reboot and on_crash in the domain's configuration. Works without Xen too.
/// </remarks>
public interface IPower
{
    /// <summary>Powers the guest off. No exit status is reported.</summary>
    [DoesNotReturn]
    void PowerOff();

    /// <summary>Ends the guest and requests a restart.</summary>
    [DoesNotReturn]
    void Reboot();

    /// <summary>Ends the guest as crashed, without a report. <see cref="Environment.FailFast(string)"/> gives a report.</summary>
    [DoesNotReturn]
    void Crash();

    /// <summary>
    /// Suspends the domain, as the tool stack requests in <c>control/shutdown</c>, and returns when it runs again. No other thread runs
    /// meanwhile. The caller must first have quiesced drivers and xenstore (<c>DomainSuspend</c> of XenBus), and must reconnect them
    /// afterwards.
    /// </summary>
    /// <remarks>
    /// .NET's monotonic clocks continue where they stopped; <see cref="DateTime.UtcNow"/> is the new host's. After
    /// <see cref="SuspendResult.Resumed"/>, every earlier <see cref="IEventChannel"/> is closed (a wait ends with
    /// <see cref="ObjectDisposedException"/>), and every earlier <see cref="IGrant"/> has ended.
    /// </remarks>
    /// <exception cref="XenException">Xen refused, and nothing has happened.</exception>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    SuspendResult Suspend();

    /// <summary>
    /// Identifies the period since the start or the last <see cref="SuspendResult.Resumed"/>. It is random and changes with each resume,
    /// also in each of several domains restored from one saved image. Other hypervisors call it the VM generation id.
    /// </summary>
    /// <remarks>
    /// <see cref="System.Security.Cryptography.RandomNumberGenerator"/>, <see cref="Guid.NewGuid"/> and everything else that asks the
    /// kernel return new numbers after a resume by themselves. Code that keeps random numbers for later (a nonce, a key that is yet to be
    /// used, the state of its own generator) should store the id with them, and draw new ones when it has changed. Reading it is a system
    /// call.
    /// </remarks>
    Guid GenerationId { get; }

    /// <summary>
    /// Asks the program to end, as SIGTERM does on Linux: calls the handlers of
    /// <see cref="System.Runtime.InteropServices.PosixSignalRegistration"/>, and if none of them cancels the signal, the program ends with
    /// status 143 through <see cref="AppDomain.ProcessExit"/>. Returns at once.
    /// </summary>
    /// <param name="thenReboot">Whether the guest reboots once the program has ended, instead of powering off.</param>
    void Terminate(bool thenReboot);

    /// <summary>
    /// Registers an action to run last when the program ends in an orderly way: when <c>Main</c> returns, by
    /// <see cref="Environment.Exit"/>, or after <see cref="Terminate"/>. It runs after all handlers of <see cref="AppDomain.ProcessExit"/>
    /// that were added before the end began, and the end waits for it. A crash, or an end by this interface, does not run it.
    /// </summary>
    /// <param name="last">Called on the thread that ends the program. It must not throw.</param>
    /// <returns>Removes the registration when disposed.</returns>
    IDisposable OnProgramEnd(Action last);
}
