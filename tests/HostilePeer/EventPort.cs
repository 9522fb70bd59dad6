using System.Runtime.InteropServices;

namespace Xenlet.HostilePeer;

/// <summary>Our end of an event channel that a guest has opened (<c>xen/evtchn.h</c> of Linux).</summary>
internal sealed unsafe class EventPort : IDisposable
{
    private static readonly nuint BindCall = XenFile.CallNumber('E', 1, sizeof(BindRequest));
    private static readonly nuint NotifyCall = XenFile.CallNumber('E', 4, sizeof(uint));
    private readonly XenFile _file = new("evtchn");
    private uint _port;

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such port.</exception>
    public EventPort(uint domain, uint remotePort)
    {
        BindRequest request = new() { Domain = domain, Port = remotePort };
        try
        {
            _port = (uint)_file.Call(BindCall, ref request, "binding an event channel");
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Signals the guest, even if it has closed its end.</summary>
    public void Notify() => _file.TryCall(NotifyCall, ref _port);

    /// <summary>Waits for the guest's signal; false when none came in time.</summary>
    public bool Wait(int milliseconds)
    {
        if (!_file.Wait(milliseconds))
        {
            return false;
        }

        // What is read is masked until it is written back.
        Span<byte> ports = stackalloc byte[16 * sizeof(uint)];
        _file.Write(ports[.._file.Read(ports)]);
        return true;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>struct ioctl_evtchn_bind_interdomain.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct BindRequest
    {
        public uint Domain;
        public uint Port;
    }
}
