using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Xenlet.Net.Tests.Linux;

/// <summary>The other end of a TAP device of Linux: what Linux sends by the device arrives here.</summary>
internal sealed class TapLink : ILink, IDisposable
{
    // linux/if_tun.h: TUNSETIFF, IFF_TAP, IFF_NO_PI.
    private const ulong SetInterface = 0x4004_54CA;
    private const short Tap = 0x0002;
    private const short NoPacketInformation = 0x1000;

    private readonly SafeFileHandle _device;

    /// <summary>Makes a device in the network namespace of this thread.</summary>
    public TapLink(string name)
    {
        _device = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        byte[] request = new byte[40];
        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(16), (short)(Tap | NoPacketInformation));
        if (SetDevice(Descriptor, SetInterface, request) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "a TAP device needs CAP_NET_ADMIN");
        }
    }

    public MacAddress Address { get; } = new([2, 0, 0, 0, 0, 0x42]);

    public int Mtu => 1_500;

    public LinkOffloads Offloads => LinkOffloads.None;

    private int Descriptor => (int)_device.DangerousGetHandle();

    public bool TrySend(PacketBuffer frame)
    {
        // A device that is down, as after a test, takes nothing: the frame is lost, as on any link.
        _ = Write(Descriptor, ref MemoryMarshal.GetReference(frame.Data), (nuint)frame.Length);
        frame.Return();
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool)
    {
        if (!Wait(0))
        {
            return null;
        }

        PacketBuffer buffer = pool.Rent(2_000);
        nint length = Read(Descriptor, ref MemoryMarshal.GetReference(buffer.Append(1_800)), 1_800);
        buffer.Truncate((int)Math.Max(length, 0));
        return buffer;
    }

    /// <summary>Waits for a frame, so many milliseconds.</summary>
    public bool Wait(int milliseconds)
    {
        PollRequest request = new() { Descriptor = Descriptor, Events = 1 };
        return Poll(ref request, 1, milliseconds) > 0;
    }

    public void SetMulticast(MacAddress group, bool isJoined)
    {
        // The device delivers all.
    }

    public void Dispose() => _device.Dispose();

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static extern int SetDevice(int descriptor, ulong operation, byte[] request);

    [DllImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static extern int Poll(ref PollRequest request, ulong count, int timeout);

    // RandomAccess takes the device for a file that can seek, and fails.
    [DllImport("libc", EntryPoint = "read", SetLastError = true)]
    private static extern nint Read(int descriptor, ref byte buffer, nuint count);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern nint Write(int descriptor, ref byte buffer, nuint count);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
