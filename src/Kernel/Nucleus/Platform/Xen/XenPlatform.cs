using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>Whether the guest runs on Xen, and how it ends there.</summary>
internal static class XenPlatform
{
    private static bool s_isPresent;

    /// <summary>True if the hypervisor is Xen and hypercalls can be made.</summary>
    public static bool IsPresent => s_isPresent;

    /// <summary>Detects Xen and prepares hypercalls. Panics on Xen if the processor's hypercall instruction is not known.</summary>
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

    /// <summary>Ends the domain. Panics end here too, so this method never panics: it logs a failure and halts the processor.</summary>
    /// <param name="reason">Any reason but <see cref="XenShutdown.Suspend"/>, whose call returns: <see cref="SchedOp.Shutdown"/>.</param>
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
            KernelLog.Write("SCHEDOP_shutdown was requested without Xen"u8);
            KernelLog.NewLine();
        }

        Machine.Halt();
    }
}
