using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Ends;
using Xenlet.Kernel.Nucleus.Linux;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Linux.Threads;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>Hypervisor facts, the nucleus's counters, and the end of the guest.</summary>
internal static unsafe class NucleusCallMachine
{
    public static long WriteHypervisorFacts(ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(HypervisorFacts));
        if (error < 0)
        {
            return error;
        }

        HypervisorFacts* facts = (HypervisorFacts*)address;
        Machine.Fill(facts, 0, (nuint)sizeof(HypervisorFacts));
        if (!XenPlatform.IsPresent)
        {
            return 0;
        }

        facts->IsPresent = 1;
        long version = XenVersion.Version();
        if (version < 0)
        {
            return version;
        }

        facts->Version = (uint)version;

        // Xen writes to a page of the nucleus, which is always present.
        byte* text = stackalloc byte[XenVersion.XEN_EXTRAVERSION_LEN];
        long result = XenVersion.ExtraVersion(text);
        if (result < 0)
        {
            return result;
        }

        Machine.Copy(facts->ExtraVersion, text, XenVersion.XEN_EXTRAVERSION_LEN);
        result = XenVersion.GetFeatures(0, out uint features);
        if (result < 0)
        {
            return result;
        }

        facts->Features = features;
        // Xen reports it from 4.10 on, and a PVH guest's memory map needs 4.11.
        if (!HypervisorCpuid.HasDomainId)
        {
            return -Errno.EOPNOTSUPP;
        }

        facts->DomainId = HypervisorCpuid.DomainId;
        return 0;
    }

    public static long WriteStatistics(ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(NucleusStatistics));
        if (error < 0)
        {
            return error;
        }

        NucleusStatistics* statistics = (NucleusStatistics*)address;
        statistics->SystemCalls = SystemCallCounter.Calls;
        statistics->ThreadSwitches = Scheduler.Switches;
        statistics->FutexWakeUps = Futex.WakeUps;
        statistics->Hypercalls = Hypercall.Issued;
        statistics->Notifications = EventChannels.Sent;
        statistics->Upcalls = EventChannels.Upcalls;
        statistics->Threads = (ulong)ThreadTable.Count;
        statistics->TotalPages = FrameAllocator.TotalFrames;
        statistics->FreePages = FrameAllocator.FreeFrames;
        statistics->AvailablePages = MemoryCharge.Available;
        statistics->SharedPages = SharedPages.Count;
        statistics->Grants = GrantTable.InUse;
        statistics->ForeignPages = ForeignPages.Mapped;
        statistics->StuckForeignPages = ForeignPages.Stuck;
        statistics->StartedCount = BootStages.Started;
        statistics->ReadyCount = BootStages.Ready;
        statistics->ReadyTime = BootStages.ReadyTime;
        statistics->NowCount = Machine.ReadTsc();
        statistics->Now = Clock.Now();
        return 0;
    }

    public static long WriteGenerationId(ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, GenerationId.Size);
        if (error < 0)
        {
            return error;
        }

        Machine.Copy((void*)address, GenerationId.Value, GenerationId.Size);
        return 0;
    }

    public static long Terminate(ulong thenReboot)
    {
        if (thenReboot > 1)
        {
            return -Errno.EINVAL;
        }

        Termination.Request(thenReboot != 0);
        return 0;
    }

    public static long Shutdown(ulong reason)
    {
        if (reason is not ((ulong)XenShutdown.PowerOff or (ulong)XenShutdown.Reboot or (ulong)XenShutdown.Crash))
        {
            return -Errno.EINVAL;
        }

        ConsoleDevice.DrainAtEnd();
        switch ((XenShutdown)reason)
        {
            case XenShutdown.PowerOff:
                KernelEnd.PowerOff();
                break;
            case XenShutdown.Reboot:
                KernelEnd.Reboot();
                break;
            default:
                KernelEnd.Crash();
                break;
        }

        return 0;
    }
}
