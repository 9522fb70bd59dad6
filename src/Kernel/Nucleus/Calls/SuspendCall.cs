using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Linux.Terminal;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;
using Timer = Xenlet.Kernel.Nucleus.Platform.Timer;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>
/// Suspends the domain, and takes up again what Xen does not keep for it: memory and processor come back as they were, but the shared page,
/// event channels, the grant table and the callback vector are a new domain's, and random numbers must not be those of another that has
/// the same memory. One system call with interrupts off: with one vCPU
/// no thread sees anything in between.
/// </summary>
internal static class SuspendCall
{
    /// <summary>Suspends the domain and returns when it runs again.</summary>
    /// <returns>
    /// The number of the generation that begins, above 0, in a new domain; 0 when the suspend was cancelled, or was for a checkpoint,
    /// and nothing is lost; a negative errno when Xen refused.
    /// </returns>
    public static long Run()
    {
        // The console's page comes back empty: input in it is taken, output in it is given time to be taken.
        ConsoleAttention.Look();
        ConsoleDevice.WaitUntilDrained();

        // From here time goes on in the new domain.
        _ = Clock.Now();
        long result = SchedOp.Shutdown(XenShutdown.Suspend);
        if (result == 0)
        {
            Resume();
            result = DomainGeneration.Current;
        }
        else if (result > 0)
        {
            result = 0;
        }

        // The timer may have gone off, and waiting for the console has swallowed its events: whoever waits for room is woken here.
        Timer.Initialise();
        ConsoleAttention.Look();
        return result;
    }

    /// <summary>
    /// The order is that of the boot: time and the masks come with the shared page, the console before interrupts can come. A failure is a
    /// panic, which until the console is found has port 0xE9 alone.
    /// </summary>
    private static void Resume()
    {
        ConsoleDevice.DeviceGone();
        if (!HypervisorCpuid.Detect())
        {
            Panic.Halt("the domain was resumed where Xen does not say that it is there"u8);
        }

        XenError.PanicIfFailed(SharedInfo.Map(MemoryMap.FirstFrameWithoutRam), "XENMEM_add_to_physmap(shared_info) after a resume"u8);
        EventChannels.MaskAll();
        PvClock.ContinueAfterResume();
        DomainGeneration.Begin();
        RandomNumbers.Seed();
        GenerationId.Draw();
        ProgramEvents.ForgetAll();
        SharedPages.ForgetGrants();
        PvConsole.Find();
        ConsoleDevice.DeviceReady();
        XenInterrupts.Connect();
    }
}
