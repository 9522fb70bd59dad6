using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Platform;

/// <summary>The one-shot timer of the vCPU.</summary>
internal static class Timer
{
    private static ulong s_armedFor;
    private static bool s_hasFired;

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

    /// <summary>Whether the interrupt is to come at this time or before.</summary>
    public static bool ComesBy(ulong deadline) => s_armedFor <= deadline;

    /// <summary>Sees to it that an interrupt comes at this time, and none before: for a guest that has nothing to do until then.</summary>
    public static void Postpone(ulong deadline)
    {
        if (deadline != s_armedFor)
        {
            Set(deadline);
        }
    }

    /// <summary>The interrupt has come.</summary>
    public static void Fired()
    {
        s_armedFor = ulong.MaxValue;
        s_hasFired = true;
    }

    /// <summary>Whether the interrupt has come since the last look: a time that something was to happen at may have passed.</summary>
    public static bool TakeFired()
    {
        bool hasFired = s_hasFired;
        s_hasFired = false;
        return hasFired;
    }

    /// <summary>Forgets what was armed, so that the next deadline sets the timer again.</summary>
    public static void Initialise() => Fired();

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
