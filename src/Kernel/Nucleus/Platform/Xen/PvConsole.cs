using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>The domain's console: the ring page and the event channel that the tool stack created for it (io/console.h).</summary>
internal static unsafe class PvConsole
{
    private static ConsoleRing s_ring;
    private static uint s_port;
    private static bool s_isAttached;

    /// <summary>True after <see cref="Attach"/>, as long as the back end behaves.</summary>
    public static bool IsUsable => s_isAttached && !s_ring.IsBroken;

    /// <summary>The event channel port that signals input and room for output. It is already bound; the caller unmasks it.</summary>
    public static uint Port => s_port;

    /// <summary>Locates the console. Returns false if the domain has none.</summary>
    /// <param name="frame">Guest frame number of the page. It is not RAM of the memory map, and the caller maps it.</param>
    /// <param name="port">The guest's end of its event channel.</param>
    public static bool TryLocate(out ulong frame, out uint port)
    {
        port = 0;
        if (HvmOp.GetParameter(HvmOp.HVM_PARAM_CONSOLE_PFN, out frame) < 0 || frame is 0 or ulong.MaxValue
            || HvmOp.GetParameter(HvmOp.HVM_PARAM_CONSOLE_EVTCHN, out ulong channel) < 0
            || channel is 0 or >= EventChannels.EVTCHN_2L_NR_CHANNELS)
        {
            return false;
        }

        port = (uint)channel;
        return true;
    }

    /// <summary>
    /// Locates the console, maps its page and attaches to it. Repeat it after a resume, when page and port may be others.
    /// </summary>
    public static void Find()
    {
        s_isAttached = false;
        if (TryLocate(out ulong frame, out uint port))
        {
            Attach(DirectMap.MapDevicePage(frame * Pages.Size, uncached: false), port);
        }
        else
        {
            KernelLog.Write("xenlet: the domain has no console: output is dropped\n"u8);
        }
    }

    /// <summary>Attaches to the mapped page. After a resume the page is new: locate and attach again.</summary>
    public static void Attach(void* page, uint port)
    {
        s_ring = new ConsoleRing((xencons_interface*)page);
        s_port = port;
        s_isAttached = true;
    }

    /// <summary>
    /// Writes as much as there is room for and returns the number of bytes written. On 0, wait for an event on <see cref="Port"/>. An
    /// unusable console accepts and drops everything, so that nobody waits for it.
    /// </summary>
    public static int Write(byte* data, int length)
    {
        if (length <= 0)
        {
            return 0;
        }

        int count = IsUsable ? s_ring.Write(data, length) : length;
        if (!IsUsable)
        {
            return length;
        }

        Notify(count);
        return count;
    }

    /// <summary>Reads the input and returns the number of bytes read. On 0, wait for an event on <see cref="Port"/>.</summary>
    public static int Read(byte* data, int length)
    {
        if (!IsUsable)
        {
            return 0;
        }

        int count = s_ring.Read(data, length);
        Notify(count);
        return count;
    }

    /// <summary>Whether the back end has read or written since the last call.</summary>
    public static bool TakeProgress() => IsUsable && s_ring.TakeProgress();

    /// <summary>True when the back end has taken all output, and when there is no usable console to wait for.</summary>
    public static bool OutputDrained => !s_isAttached || s_ring.OutputDrained;

    /// <summary>
    /// Notifies the back end that the indexes moved. They cannot show without a race whether it sleeps, so it is notified each time.
    /// </summary>
    private static void Notify(int moved)
    {
        if (moved > 0)
        {
            long result = EventChannels.Send(s_port);
            if (result < 0)
            {
                XenError.Log(result, "EVTCHNOP_send to the console"u8);
            }
        }
    }
}
