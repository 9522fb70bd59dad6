using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel;

/// <summary>Suspends and ends the guest through the nucleus.</summary>
internal sealed unsafe class GuestPower(XenEventChannels channels, XenSharedPages pages, XenForeignPages foreign) : IPower
{
    public Guid GenerationId
    {
        get
        {
            Guid id = default;
            long answer = NucleusSystemCall.Invoke(NucleusCall.ReadGenerationId, (ulong)&id);
            return answer < 0 ? throw NucleusError.ToException(answer, "generations", "asking for the generation id") : id;
        }
    }

    [DoesNotReturn]
    public void PowerOff() => End(XenShutdown.PowerOff, "switching the guest off");

    [DoesNotReturn]
    public void Reboot() => End(XenShutdown.Reboot, "starting the guest again");

    [DoesNotReturn]
    public void Crash() => End(XenShutdown.Crash, "ending the guest as crashed");

    public SuspendResult Suspend()
    {
        long generation = NucleusSystemCall.Invoke(NucleusCall.Suspend);
        if (generation <= 0)
        {
            return generation == 0
                ? SuspendResult.Cancelled
                : throw NucleusError.ToException(generation, "suspends", "suspending the domain");
        }

        // The upper half of a handle is its generation.
        long firstHandle = generation << 32;
        channels.OnResumed(firstHandle);
        pages.OnResumed(firstHandle);
        foreign.OnResumed(firstHandle);
        return SuspendResult.Resumed;
    }

    public void Terminate(bool thenReboot)
    {
        TerminationListener.Start();
        long answer = NucleusSystemCall.Invoke(NucleusCall.Terminate, thenReboot ? 1UL : 0);
        if (answer < 0)
        {
            throw NucleusError.ToException(answer, "signals", "asking the program to end");
        }
    }

    public IDisposable OnProgramEnd(Action last)
    {
        ArgumentNullException.ThrowIfNull(last);
        return new ProgramEndHandler(last);
    }

    [DoesNotReturn]
    private static void End(XenShutdown reason, string operation) =>
        throw NucleusError.ToException(NucleusSystemCall.Invoke(NucleusCall.Shutdown, (ulong)reason), "shutdowns", operation);
}
