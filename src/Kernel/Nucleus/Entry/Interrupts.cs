using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux.Terminal;
using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Timer = Xenlet.Kernel.Nucleus.Platform.Timer;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>Handles interrupts: the timer, console activity, event channels.</summary>
internal static unsafe class Interrupts
{
    public static void Handle(int vector)
    {
        switch (vector)
        {
            case Vector.EventChannelUpcall:
                HandleEvents();
                break;
            case Vector.ApicTimer:
                Timer.Fired();
                LocalApic.EndOfInterrupt();
                break;
            case Vector.LegacyInterrupts + SerialPort.InterruptLine:
                LocalApic.EndOfLegacyInterrupt(SerialPort.InterruptLine);
                ConsoleService.OnEvent();
                break;
            default:
                // A spurious interrupt of either controller needs no end-of-interrupt.
                break;
        }
    }

    /// <summary>
    /// Handles events that arrived while the nucleus ran, such as those that a thread signals to its own guest. Checking a shared byte here
    /// saves the two exits to the hypervisor that the upcall's interruption of the resumed thread would cost.
    /// </summary>
    public static void HandlePending()
    {
        if (EventChannels.UpcallIsRaised)
        {
            HandleEvents();
        }
    }

    private static void HandleEvents()
    {
        EventScan scan = EventChannels.BeginScan();
        while (scan.TryTakePending(out uint port))
        {
            if (port == XenTimer.Port)
            {
                Timer.Fired();
            }
            else if (port == PvConsole.Port && PvConsole.IsUsable)
            {
                ConsoleService.OnEvent();
            }
            else
            {
                ProgramEvents.Deliver(port);
            }
        }
    }
}
