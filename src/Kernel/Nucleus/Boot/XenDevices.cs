using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Entry;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>Sets up Xen's clock, timer, event channels and console in the order in which they need each other.</summary>
internal static unsafe class XenDevices
{
    public static void Initialise()
    {
        ulong page = MemoryMap.FirstFrameWithoutRam * Pages.Size;
        XenError.PanicIfFailed(SharedInfo.Map(page / Pages.Size), "XENMEM_add_to_physmap(shared_info)"u8);
        shared_info* shared = (shared_info*)DirectMap.MapDevicePage(page, uncached: false);
        EventChannels.Initialise(shared);
        PvClock.Initialise(shared);
        ConsoleDevice.Initialise();
        PvConsole.Find();
        ConsoleDevice.DeviceReady();
        MemoryCheck.RejectPopulateOnDemand();
        if (RepeatedInjection.IsPossible)
        {
            Descriptors.MarkNotPresent(Vector.EventChannelUpcall);
        }

        XenInterrupts.Connect();
        ReportUnusedProcessors();
    }

    private static void ReportUnusedProcessors()
    {
        uint count = 1;
        while (count < shared_info.XEN_LEGACY_MAX_VCPUS && !XenError.IsError(VcpuOp.IsUp(count)))
        {
            count++;
        }

        if (count > 1)
        {
            KernelLog.Write("xenlet: the domain has "u8);
            KernelLog.WriteDecimal(count);
            KernelLog.Write(" vCPUs; one is used, the others stay down\n"u8);
        }
    }
}
