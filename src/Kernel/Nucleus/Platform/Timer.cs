using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Platform;

/// <summary>The one-shot timer of the vCPU.</summary>
internal static class Timer
{
    private static ulong s_armedFor;

    /// <summary>
    /// Sees to it that an interrupt comes at this time or before. An interrupt too early does no harm, so the timer, which costs a
    /// hypercall or a trap, is set again only when it would come too late.
    /// </summary>
    public static void Require(ulong deadline)
    {
        if (deadline >= s_armedFor)
        {
            return;
        }

        Set(deadline);
    }

    /// <summary>Sees to it that an interrupt comes at this time, and none before: for a guest that has nothing to do until then.</summary>
    public static void Postpone(ulong deadline)
    {
        if (deadline != s_armedFor)
        {
            Set(deadline);
        }
    }

    /// <summary>The interrupt has come.</summary>
    public static void Fired() => s_armedFor = ulong.MaxValue;

    /// <summary>Forgets what was armed, so that the next deadline sets the timer again.</summary>
    public static void Initialise() => s_armedFor = ulong.MaxValue;

    private static void Set(ulong deadline)
    {
        s_armedFor = deadline;
        if (XenPlatform.IsPresent)
        {
            XenTimer.Arm(deadline);
        }
        else
        {
            LocalApic.ArmTimer(deadline);
        }
    }
}
