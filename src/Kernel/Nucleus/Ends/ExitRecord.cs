using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>
/// Writes the program's exit status to xenstore, at data/xenlet/exit of the domain, so that a tool stack can watch it instead of reading
/// the console.
/// </summary>
/// <remarks>
/// This is a single request, written when nothing else runs any more. If the ring is not idle (the program ended in the middle of a
/// request, or xenstored does not answer), nothing is written: the status is also the console's last line, and the end must not wait for
/// anybody.
/// </remarks>
internal static unsafe class ExitRecord
{
    private const uint XS_WRITE = 11;
    private const int HeaderSize = 16;
    private const ulong PatienceNanoseconds = 200_000_000;

    /// <summary>Writes the status and gives xenstored a moment to read it.</summary>
    public static void Write(int status)
    {
        if (!XenPlatform.IsPresent
            || HvmOp.GetParameter(HvmOp.HVM_PARAM_STORE_PFN, out ulong frame) < 0 || frame is 0 or ulong.MaxValue
            || HvmOp.GetParameter(HvmOp.HVM_PARAM_STORE_EVTCHN, out ulong channel) < 0
            || channel is 0 or >= EventChannels.EVTCHN_2L_NR_CHANNELS)
        {
            return;
        }

        xenstore_domain_interface* ring = (xenstore_domain_interface*)DirectMap.MapDevicePage(frame * Pages.Size, uncached: false);
        uint port = (uint)channel;
        uint produced = Volatile.Read(ref ring->req_prod);
        if (Volatile.Read(ref ring->connection) != 0 || produced != Volatile.Read(ref ring->req_cons)
            || Volatile.Read(ref ring->rsp_prod) != Volatile.Read(ref ring->rsp_cons))
        {
            return;
        }

        uint end = Put(ring, produced, status);
        Volatile.Write(ref ring->req_prod, end);
        _ = EventChannels.Send(port);

        ulong deadline = Clock.After(PatienceNanoseconds);
        while (Volatile.Read(ref ring->rsp_prod) == Volatile.Read(ref ring->rsp_cons) && Clock.Now() < deadline)
        {
            EventChannels.Clear(port);
            _ = SchedOp.Poll(&port, 1, PvClock.SystemTime() + 10_000_000);
        }
    }

    private static uint Put(xenstore_domain_interface* ring, uint index, int status)
    {
        ReadOnlySpan<byte> path = "data/xenlet/exit\0"u8;
        byte* digits = stackalloc byte[Digits.Maximum];
        int count = Digits.WriteDecimal((uint)status & 0xff, digits);

        uint* header = stackalloc uint[HeaderSize / sizeof(uint)];
        header[0] = XS_WRITE;
        header[1] = 0;
        header[2] = 0;
        header[3] = (uint)(path.Length + count);
        for (int i = 0; i < HeaderSize; i++)
        {
            ring->req[index++ % xenstore_domain_interface.XENSTORE_RING_SIZE] = ((byte*)header)[i];
        }

        for (int i = 0; i < path.Length; i++)
        {
            ring->req[index++ % xenstore_domain_interface.XENSTORE_RING_SIZE] = path[i];
        }

        for (int i = 0; i < count; i++)
        {
            ring->req[index++ % xenstore_domain_interface.XENSTORE_RING_SIZE] = digits[i];
        }

        return index;
    }
}

/// <summary>struct xenstore_domain_interface of xen/include/public/io/xs_wire.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct xenstore_domain_interface
{
    /// <summary>XENSTORE_RING_SIZE: size of each ring in bytes. The indexes run freely.</summary>
    public const uint XENSTORE_RING_SIZE = 1024;

    public fixed byte req[(int)XENSTORE_RING_SIZE];
    public fixed byte rsp[(int)XENSTORE_RING_SIZE];
    public uint req_cons;
    public uint req_prod;
    public uint rsp_cons;
    public uint rsp_prod;
    public uint server_features;
    public uint connection;
    public uint error;
}
