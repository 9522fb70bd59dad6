using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// The 2-level event channel interface (event_channel.h, xen.h): 4096 ports, each with a pending and a mask bit in the shared info page.
/// </summary>
/// <remarks>
/// An event sets the port's pending bit. If that bit was clear and the port is not masked, Xen also sets the word's bit in the vCPU's
/// selector and, if that was clear, raises the upcall: an interrupt with the vector given to <see cref="SetCallbackVector"/>. The upcall
/// needs no end-of-interrupt. It stays asserted while evtchn_upcall_pending is set, which <see cref="BeginScan"/> clears.
/// </remarks>
internal static unsafe class EventChannels
{
    /// <summary>EVTCHN_2L_NR_CHANNELS: the number of ports of the 2-level interface.</summary>
    public const uint EVTCHN_2L_NR_CHANNELS = 4096;

    private const int WordCount = 64;

    private static shared_info* s_shared;
    private static ulong s_sent;
    private static ulong s_upcalls;

    /// <summary>Notifications sent since boot to the other ends of ports.</summary>
    public static ulong Sent => s_sent;

    /// <summary>Upcalls handled since boot. One interrupt may carry any number of events.</summary>
    public static ulong Upcalls => s_upcalls;

    /// <summary>Attaches to the shared info page and masks every port. A pending event is kept until its port is unmasked.</summary>
    /// <param name="shared">The mapped page. It must stay mapped.</param>
    public static void Initialise(shared_info* shared)
    {
        s_shared = shared;
        MaskAll();
    }

    /// <summary>Masks every port. After a resume the shared info page is a new one, in which no port is masked.</summary>
    public static void MaskAll()
    {
        for (int word = 0; word < WordCount; word++)
        {
            Volatile.Write(ref s_shared->evtchn_mask[word], ulong.MaxValue);
        }
    }

    /// <summary>
    /// HVM_PARAM_CALLBACK_IRQ: Xen interrupts the boot processor with <paramref name="vector"/>. A migration loses this setting, so repeat
    /// the call after a resume.
    /// </summary>
    /// <returns>0 or a negative errno.</returns>
    public static long SetCallbackVector(byte vector) =>
        HvmOp.SetParameter(HvmOp.HVM_PARAM_CALLBACK_IRQ, (HvmOp.HVM_PARAM_CALLBACK_TYPE_VECTOR << 56) | vector);

    /// <summary>Keeps a port from raising the upcall. Its events stay pending.</summary>
    public static void Mask(uint port)
    {
        Require(port);
        AtomicBits.Set(&s_shared->evtchn_mask[port / 64], Bit(port));
    }

    /// <summary>Lets a port raise the upcall. It does so at once if an event is pending.</summary>
    /// <remarks>
    /// Xen checks the mask when an event arrives, not when the mask changes. An event that arrived earlier is therefore raised by
    /// EVTCHNOP_unmask, which acts on masked ports only. (Setting the selector directly is for PV guests.)
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

    /// <summary>Clears a port's pending event. Returns true if there was one.</summary>
    public static bool Clear(uint port)
    {
        Require(port);
        return (AtomicBits.Clear(&s_shared->evtchn_pending[port / 64], Bit(port)) & Bit(port)) != 0;
    }

    /// <summary>True if an event has arrived on the port and has not been taken, masked or not.</summary>
    public static bool IsPending(uint port)
    {
        Require(port);
        return (Volatile.Read(ref s_shared->evtchn_pending[port / 64]) & Bit(port)) != 0;
    }

    /// <summary>True if the port does not raise the upcall.</summary>
    public static bool IsMasked(uint port)
    {
        Require(port);
        return (Volatile.Read(ref s_shared->evtchn_mask[port / 64]) & Bit(port)) != 0;
    }

    /// <summary>Signals the other end. Returns 0 or a negative errno: -EINVAL for a port that is not bound.</summary>
    public static long Send(uint port)
    {
        long result = EventChannelOp.Send(port);
        if (result == 0)
        {
            s_sent++;
        }

        return result;
    }

    /// <summary>True if an event waits to be handled. Always false without Xen.</summary>
    public static bool UpcallIsRaised
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => s_shared != null && Volatile.Read(ref s_shared->vcpu0.evtchn_upcall_pending) != 0;
    }

    /// <summary>
    /// Begins to handle an upcall: <c>EventScan scan = EventChannels.BeginScan(); while (scan.TryTakePending(out uint port)) …</c>
    /// </summary>
    /// <remarks>
    /// The interface prescribes the order: acknowledge the upcall, take the selector, then read the words. An event that arrives in between
    /// raises the upcall again. In another order it could be lost.
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
        if (port >= EVTCHN_2L_NR_CHANNELS)
        {
            KernelLog.Write("event channel port "u8);
            KernelLog.WriteDecimal(port);
            KernelLog.NewLine();
            Panic.Halt("an event channel port is not below 4096"u8);
        }
    }
}
