using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Platform;

/// <summary>The one-shot timer of the vCPU.</summary>
internal static class Timer
{
    private static ulong s_armedFor;
    private static bool s_hasFired;

    /// <summary>
    /// Ensures an interrupt at this time or earlier. An early interrupt does no harm, so the timer, which costs a hypercall or a trap, is
    /// set again only when it would fire too late.
    /// </summary>
    public static void Require(ulong deadline)
    {
        if (deadline >= s_armedFor)
        {
            return;
        }

        Set(deadline);
    }

    /// <summary>Whether the timer is armed for this time or an earlier one.</summary>
    public static bool ComesBy(ulong deadline) => s_armedFor <= deadline;

    /// <summary>Ensures an interrupt at this time and none earlier, for a guest that has nothing to do until then.</summary>
    public static void Postpone(ulong deadline)
    {
        if (deadline != s_armedFor)
        {
            Set(deadline);
        }
    }

    /// <summary>Call it when the timer's interrupt has arrived.</summary>
    public static void Fired()
    {
        s_armedFor = ulong.MaxValue;
        s_hasFired = true;
    }

    /// <summary>Whether the interrupt has arrived since the last call of this method, in which case a deadline may have passed.</summary>
    public static bool TakeFired()
    {
        bool hasFired = s_hasFired;
        s_hasFired = false;
        return hasFired;
    }

    /// <summary>Forgets the armed deadline, so that the next one sets the timer again.</summary>
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
