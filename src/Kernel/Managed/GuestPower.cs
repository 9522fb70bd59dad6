using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus;

namespace Xenlet.Kernel;

/// <summary>Ends the guest through the nucleus.</summary>
internal sealed class GuestPower : IPower
{
    [DoesNotReturn]
    public void PowerOff() => End(XenShutdown.PowerOff, "switching the guest off");

    [DoesNotReturn]
    public void Reboot() => End(XenShutdown.Reboot, "starting the guest again");

    [DoesNotReturn]
    public void Crash() => End(XenShutdown.Crash, "ending the guest as crashed");

    [DoesNotReturn]
    private static void End(XenShutdown reason, string operation) =>
        throw NucleusAnswer.Error(NucleusGate.Call(NucleusCall.Shutdown, (ulong)reason), "shutdowns", operation);
}
