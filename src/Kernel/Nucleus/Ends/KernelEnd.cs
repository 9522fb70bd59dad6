using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>Powers off or resets the machine.</summary>
internal static class KernelEnd
{
    [DoesNotReturn]
    public static void PowerOff()
    {
        if (XenPlatform.IsPresent)
        {
            XenPlatform.Shutdown(XenShutdown.PowerOff);
        }

        // ACPI sleep state S5 on QEMU's PC: PM1a control, SLP_EN with type 0. The firmware puts the block at 0x600.
        Machine.Out16(0x604, 0x2000);
        Machine.Halt();
    }

    [DoesNotReturn]
    public static void Reboot()
    {
        if (XenPlatform.IsPresent)
        {
            XenPlatform.Shutdown(XenShutdown.Reboot);
        }

        Reset();
    }

    /// <summary>Under Xen, the domain is recorded as crashed. Without Xen, QEMU sees a reset.</summary>
    [DoesNotReturn]
    public static void Crash()
    {
        if (XenPlatform.IsPresent)
        {
            XenPlatform.Shutdown(XenShutdown.Crash);
        }

        Reset();
    }

    [DoesNotReturn]
    private static void Reset()
    {
        // Reset control register of the PIIX3 and ICH9: full reset.
        Machine.Out8(0xcf9, 0x06);
        Machine.Halt();
    }
}
