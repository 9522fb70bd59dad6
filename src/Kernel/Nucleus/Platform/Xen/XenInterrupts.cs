using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>The one interrupt by which Xen reports signalled event channels.</summary>
internal static class XenInterrupts
{
    /// <summary>Lets Xen interrupt the guest, for the timer and the console. Repeat it after a resume.</summary>
    public static void Connect()
    {
        XenError.PanicIfFailed(EventChannels.SetCallbackVector(Vector.EventChannelUpcall), "HVM_PARAM_CALLBACK_IRQ"u8);
        XenTimer.Initialise();
        EventChannels.Unmask(XenTimer.Port);
        if (PvConsole.IsUsable)
        {
            EventChannels.Unmask(PvConsole.Port);
        }
    }
}
