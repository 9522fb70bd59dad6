using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>The program's shared pages, their grants, and the location of the xenstore ring.</summary>
internal static unsafe class NucleusCallPages
{
    public static long Grant(ulong domain, ulong address, ulong readOnly)
    {
        if (domain > ushort.MaxValue || readOnly > 1)
        {
            return -Errno.EINVAL;
        }

        if (!GrantTable.IsReady)
        {
            ulong frame = MemoryMap.FirstFrameWithoutRam + 1;
            long error = GrantTable.Initialise(DirectMap.DevicePage(frame * Pages.Size), frame);
            if (error < 0)
            {
                return error;
            }
        }

        long reference = SharedPages.Grant((ushort)domain, address, readOnly != 0);
        return reference < 0 ? reference : DomainGeneration.Handle((uint)reference);
    }

    public static long EndGrant(ulong handle) =>
        DomainGeneration.IsStale(handle) ? -Errno.ESTALE : SharedPages.EndGrant(DomainGeneration.NumberOf(handle));

    public static long MapStore()
    {
        long frame = StoreParameter(HvmOp.HVM_PARAM_STORE_PFN);
        return frame < 0 ? frame : SharedPages.Map((ulong)frame);
    }

    public static long StorePort() => StoreParameter(HvmOp.HVM_PARAM_STORE_EVTCHN);

    /// <summary>
    /// Reads a parameter of xenstore. Returns none if it is all zeros or all ones, its values before the tool stack sets it.
    /// </summary>
    private static long StoreParameter(uint index)
    {
        long result = HvmOp.GetParameter(index, out ulong value);
        if (result < 0)
        {
            return result;
        }

        return value is 0 or > long.MaxValue ? -Errno.ENOENT : (long)value;
    }
}
