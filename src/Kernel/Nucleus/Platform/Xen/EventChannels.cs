using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// The 2-level event channel interface (event_channel.h, xen.h): 4096 ports, each with a pending and a mask bit in the shared page.
/// </summary>
/// <remarks>
/// An event sets the port's pending bit; if that was clear and the port is not masked, Xen also sets the word's bit in the vCPU's selector
/// and, if that was clear, raises the upcall, an interrupt of the vector given to <see cref="SetCallbackVector"/>. The upcall needs
/// no end-of-interrupt: it stays asserted while evtchn_upcall_pending is set, which <see cref="BeginScan"/> clears.
/// </remarks>
internal static unsafe class EventChannels
{
    /// <summary>EVTCHN_2L_NR_CHANNELS: ports of the 2-level interface.</summary>
    public const uint PortCount = 4096;

    private const int WordCount = 64;

    private static shared_info* s_shared;
    private static ulong s_sent;
    private static ulong s_upcalls;

    /// <summary>Notifications that were sent to the other ends of ports since boot.</summary>
    public static ulong Sent => s_sent;

    /// <summary>Upcalls that were answered since boot: interrupts for any number of events.</summary>
    public static ulong Upcalls => s_upcalls;

    /// <summary>Takes the shared page, and masks every port: what is pending is kept until a port is unmasked.</summary>
    /// <param name="shared">The mapped page; it stays mapped for ever.</param>
    public static void Initialise(shared_info* shared)
    {
        s_shared = shared;
        MaskAll();
    }

    /// <summary>Masks every port: after a resume the shared page is a new one, in which none is masked.</summary>
    public static void MaskAll()
    {
        for (int word = 0; word < WordCount; word++)
        {
            Volatile.Write(ref s_shared->evtchn_mask[word], ulong.MaxValue);
        }
    }

    /// <summary>
    /// HVM_PARAM_CALLBACK_IRQ: Xen interrupts the boot processor at <paramref name="vector"/>. Lost with a migration, so to be repeated
    /// after a resume.
    /// </summary>
    /// <returns>0 or a negative errno.</returns>
    public static long SetCallbackVector(byte vector) =>
        HvmOp.SetParameter(HvmOp.HVM_PARAM_CALLBACK_IRQ, (HvmOp.HVM_PARAM_CALLBACK_TYPE_VECTOR << 56) | vector);

    /// <summary>Stops a port from raising the upcall; its events stay pending.</summary>
    public static void Mask(uint port)
    {
        Require(port);
        AtomicBits.Set(&s_shared->evtchn_mask[port / 64], Bit(port));
    }

    /// <summary>Lets a port raise the upcall, which it does at once if an event is pending.</summary>
    /// <remarks>
    /// Xen looks at the mask when an event comes, never when the mask changes, so an event that came before is raised by
    /// EVTCHNOP_unmask, and that call does so for a masked port only. (Setting the selector oneself is for PV guests.)
    /// </remarks>
    public static void Unmask(uint port)
    {
        Require(port);
        AtomicBits.Clear(&s_shared->evtchn_mask[port / 64], Bit(port));
        if (IsPending(port))
        {
            AtomicBits.Set(&s_shared->evtchn_mask[port / 64], Bit(port));
            XenError.PanicIfFailed(EventChannelOp.Unmask(port), "EVTCHNOP_unmask"u8);
        }
    }

    /// <summary>Forgets a port's pending event; true when there was one.</summary>
    public static bool Clear(uint port)
    {
        Require(port);
        return (AtomicBits.Clear(&s_shared->evtchn_pending[port / 64], Bit(port)) & Bit(port)) != 0;
    }

    /// <summary>True when an event came on the port and was not taken yet, masked or not.</summary>
    public static bool IsPending(uint port)
    {
        Require(port);
        return (Volatile.Read(ref s_shared->evtchn_pending[port / 64]) & Bit(port)) != 0;
    }

    /// <summary>True when the port does not raise the upcall.</summary>
    public static bool IsMasked(uint port)
    {
        Require(port);
        return (Volatile.Read(ref s_shared->evtchn_mask[port / 64]) & Bit(port)) != 0;
    }

    /// <summary>Signals the other end. 0 or a negative errno: a port that is not bound answers -EINVAL.</summary>
    public static long Send(uint port)
    {
        long result = EventChannelOp.Send(port);
        if (result == 0)
        {
            s_sent++;
        }

        return result;
    }

    /// <summary>True when an event waits to be answered. False without Xen.</summary>
    public static bool UpcallIsRaised => s_shared != null && Volatile.Read(ref s_shared->vcpu0.evtchn_upcall_pending) != 0;

    /// <summary>
    /// Begins to answer an upcall: <c>EventScan scan = EventChannels.BeginScan(); while (scan.TryTakePending(out uint port)) …</c>
    /// </summary>
    /// <remarks>
    /// The order is the interface's: first the upcall is acknowledged, then the selector taken, then words looked at. An event that comes
    /// in between raises the upcall again; in another order it could be lost.
    /// </remarks>
    public static EventScan BeginScan()
    {
        s_upcalls++;
        Volatile.Write(ref s_shared->vcpu0.evtchn_upcall_pending, 0);
        long* selector = (long*)&s_shared->vcpu0.evtchn_pending_sel;
        return new EventScan(s_shared, (ulong)Interlocked.Exchange(ref *selector, 0));
    }

    private static ulong Bit(uint port) => 1UL << (int)(port % 64);

    private static void Require(uint port)
    {
        if (port >= PortCount)
        {
            KernelLog.Write("event channel port "u8);
            KernelLog.WriteDecimal(port);
            KernelLog.NewLine();
            Panic.Halt("an event channel port is not below 4096"u8);
        }
    }
}
