using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>Whether we run on Xen, and how to end there.</summary>
internal static class XenPlatform
{
    private static bool s_isPresent;

    /// <summary>True when the hypervisor is Xen and hypercalls can be made.</summary>
    public static bool IsPresent => s_isPresent;

    /// <summary>Looks for Xen and prepares hypercalls. Panics on Xen with a processor whose hypercall instruction is not known.</summary>
    public static void Initialise()
    {
        s_isPresent = false;
        if (!HypervisorCpuid.Detect())
        {
            return;
        }

        Hypercall.Initialise();
        s_isPresent = true;
    }

    /// <summary>Ends the domain. A panic ends here too, so this never panics: what fails is logged, then the processor halts.</summary>
    /// <param name="reason">Any but <see cref="XenShutdown.Suspend"/>, which is a call that returns:
    /// <see cref="SchedOp.Shutdown"/>.</param>
    [DoesNotReturn]
    public static void Shutdown(XenShutdown reason)
    {
        if (s_isPresent)
        {
            long result = SchedOp.Shutdown(reason);
            if (result < 0)
            {
                XenError.Log(result, "SCHEDOP_shutdown"u8);
            }
        }
        else
        {
            KernelLog.Write("SCHEDOP_shutdown was asked for without Xen"u8);
            KernelLog.NewLine();
        }

        Machine.Halt();
    }
}
