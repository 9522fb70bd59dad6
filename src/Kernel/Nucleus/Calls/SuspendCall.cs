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
/// Suspends the domain, and afterwards restores what Xen does not keep for it. Memory and processor state survive, but the shared info
/// page, event channels, grant table and callback vector are a new domain's, and random numbers must differ from those of another domain
/// resumed from the same memory. One system call with interrupts off: with one vCPU, no thread observes an intermediate state.
/// </summary>
internal static class SuspendCall
{
    /// <summary>Suspends the domain and returns when it runs again.</summary>
    /// <returns>
    /// In a new domain, the number of the generation that begins, above 0; 0 if the suspend was cancelled or was for a checkpoint, and
    /// nothing is lost; a negative errno if Xen refused.
    /// </returns>
    public static long Run()
    {
        // The console's page comes back empty: read the input in it, and give the back end time to take the output.
        ConsoleService.Run();
        ConsoleDevice.WaitUntilDrained();

        // From here on, time continues in the new domain.
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

        // The timer may have fired, and waiting for the console has consumed its events, so threads that wait for room are woken here.
        Timer.Initialise();
        ConsoleService.Run();
        return result;
    }

    /// <summary>
    /// The order is that of the boot: the time and the masks come with the shared info page, and the console must be ready before
    /// interrupts. A failure is a panic, which only reaches port 0xE9 until the console is found.
    /// </summary>
    private static void Resume()
    {
        ConsoleDevice.DeviceGone();
        if (!HypervisorCpuid.Detect())
        {
            Panic.Halt("Xen was not detected after the domain was resumed"u8);
        }

        XenError.PanicIfFailed(SharedInfo.Map(MemoryMap.FirstFrameWithoutRam), "XENMEM_add_to_physmap(shared_info) after a resume"u8);
        EventChannels.MaskAll();
        PvClock.ContinueAfterResume();
        DomainGeneration.Begin();
        RandomNumbers.Seed();
        GenerationId.Draw();
        ProgramEvents.ForgetAll();
        SharedPages.ForgetGrants();
        ForeignPages.Forget();
        PvConsole.Find();
        ConsoleDevice.DeviceReady();
        XenInterrupts.Connect();
    }
}
