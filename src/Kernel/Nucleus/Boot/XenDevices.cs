namespace Xenlet.Kernel.Nucleus;

/// <summary>Xen's clock, timer, event channels and console, in the order in which they need each other.</summary>
internal static unsafe class XenDevices
{
    public static void Initialise()
    {
        ulong page = MemoryMap.FirstFrameWithoutRam * Pages.Size;
        XenError.PanicIfFailed(SharedInfo.Map(page / Pages.Size), "XENMEM_add_to_physmap(shared_info)"u8);
        var shared = (shared_info*)DirectMap.MapDevicePage(page, uncached: false);
        EventChannels.Initialise(shared);
        PvClock.Initialise(shared);
        ConsoleDevice.Initialise();
        if (PvConsole.TryLocate(out ulong frame, out uint port))
        {
            PvConsole.Attach(DirectMap.MapDevicePage(frame * Pages.Size, uncached: false), port);
        }
        else
        {
            KernelLog.Write("xenlet: the domain has no console: output is dropped\n"u8);
        }

        ConsoleDevice.DeviceReady();
        MemoryCheck.RejectPopulateOnDemand();
        XenError.PanicIfFailed(EventChannels.SetCallbackVector(Vector.EventChannelUpcall), "HVM_PARAM_CALLBACK_IRQ"u8);
        XenTimer.Initialise();
        EventChannels.Unmask(XenTimer.Port);
        if (PvConsole.IsUsable)
        {
            EventChannels.Unmask(PvConsole.Port);
        }

        ReportUnusedProcessors();
    }

    private static void ReportUnusedProcessors()
    {
        uint count = 1;
        while (count < shared_info.MaximumVcpus && !XenError.IsError(VcpuOp.IsUp(count)))
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
