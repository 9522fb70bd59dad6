using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>The program's event channels. None of these calls touches a port of the nucleus.</summary>
internal static unsafe class NucleusCallEvents
{
    public static long AllocateUnbound(ulong domain)
    {
        if (domain > ushort.MaxValue)
        {
            return -Errno.EINVAL;
        }

        long result = EventChannelOp.AllocateUnbound((ushort)domain, out uint port);
        return result < 0 ? result : Own(port);
    }

    public static long BindInterdomain(ulong domain, ulong remotePort)
    {
        if (domain > ushort.MaxValue || remotePort > uint.MaxValue)
        {
            return -Errno.EINVAL;
        }

        long result = EventChannelOp.BindInterdomain((ushort)domain, (uint)remotePort, out uint port);
        return result < 0 ? result : Own(port);
    }

    public static long Adopt(ulong port)
    {
        if (port is 0 or >= EventChannels.EVTCHN_2L_NR_CHANNELS)
        {
            return -Errno.EINVAL;
        }

        if (port == XenTimer.Port || port == PvConsole.Port)
        {
            return -Errno.EPERM;
        }

        if (ProgramEvents.IsOwned(port))
        {
            return -Errno.EBUSY;
        }

        evtchn_status status;
        long result = EventChannelOp.Status((uint)port, &status);
        if (result < 0)
        {
            return result;
        }

        if (status.status is not (EventChannelOp.EVTCHNSTAT_interdomain or EventChannelOp.EVTCHNSTAT_unbound))
        {
            return -Errno.EINVAL;
        }

        ProgramEvents.Own((uint)port, adopted: true);
        return DomainGeneration.Handle((uint)port);
    }

    public static long Close(ulong handle)
    {
        long error = Find(handle, out uint port);
        if (error < 0)
        {
            return error;
        }

        bool adopted = ProgramEvents.IsAdopted(port);
        ProgramEvents.Disown(port);
        return adopted ? 0 : EventChannelOp.Close(port);
    }

    /// <summary>Gives a port's events to the network stack.</summary>
    public static long Watch(ulong handle)
    {
        if (!XenPlatform.IsPresent)
        {
            return -Errno.ENODEV;
        }

        long error = Find(handle, out uint port);
        if (error == 0)
        {
            ProgramEvents.Watch(port);
        }

        return error;
    }

    public static long Unmask(ulong handle)
    {
        long error = Find(handle, out uint port);
        if (error < 0)
        {
            return error;
        }

        ProgramEvents.Unmask(port);
        return 0;
    }

    public static long Notify(ulong handle)
    {
        long error = Find(handle, out uint port);
        return error < 0 ? error : EventChannels.Send(port);
    }

    /// <summary>The port of a handle, or a negative errno if it does not belong to the program.</summary>
    private static long Find(ulong handle, out uint port)
    {
        port = 0;
        if (DomainGeneration.IsStale(handle))
        {
            return -Errno.ESTALE;
        }

        ulong number = DomainGeneration.NumberOf(handle);
        if (!ProgramEvents.IsOwned(number))
        {
            return -Errno.EBADF;
        }

        port = (uint)number;
        return 0;
    }

    private static long Own(uint port)
    {
        if (port >= EventChannels.EVTCHN_2L_NR_CHANNELS)
        {
            // The 2-level interface has no bits for this port.
            _ = EventChannelOp.Close(port);
            return -Errno.ENOSPC;
        }

        ProgramEvents.Own(port, adopted: false);
        return DomainGeneration.Handle(port);
    }
}
