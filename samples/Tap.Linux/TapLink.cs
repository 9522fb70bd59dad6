using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>
/// A TAP device of Linux (Documentation/networking/tuntap.rst) as the link of a stack. What Linux sends by the device's interface arrives
/// here, and the other way round. One thread uses it.
/// </summary>
internal sealed unsafe partial class TapLink : ILink, IDisposable
{
    // fcntl.h, linux/if_tun.h, poll.h, errno.h.
    private const int OpenReadWriteNonBlocking = 0x2 | 0x800 | 0x80000;
    private const nuint SetInterface = 0x400454CA;
    private const nuint SetOffload = 0x400454D0;
    private const ushort TapWithoutInformationWithHeader = 0x0002 | 0x1000 | 0x4000;
    private const uint OffloadChecksumAndSegments = 1 | 2 | 4;
    private const short PollIn = 1;
    private const int TryAgain = 11;
    private const int NameSize = 16;

    private static readonly int s_headerSize = sizeof(VirtioNetHeader);

    private readonly int _device;
    private readonly byte[] _frame = new byte[s_headerSize + PacketBuffer.LargestPacket];

    /// <summary>Opens the device, which Linux makes if there is none of the name, and keeps it until <see cref="Dispose"/>.</summary>
    /// <param name="name">The name of Linux's interface, such as tap0.</param>
    /// <param name="address">The stack's hardware address; Linux's end has another one.</param>
    /// <exception cref="Win32Exception">Linux refused: it needs CAP_NET_ADMIN.</exception>
    public TapLink(string name, MacAddress address)
    {
        Address = address;
        _device = Check(open("/dev/net/tun", OpenReadWriteNonBlocking), "/dev/net/tun");
        byte* request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, NameSize - 1)), new Span<byte>(request, NameSize));
        *(ushort*)(request + NameSize) = TapWithoutInformationWithHeader;
        Check(ioctl(_device, SetInterface, (nuint)request), name);
        Check(ioctl(_device, SetOffload, OffloadChecksumAndSegments), name);
    }

    public MacAddress Address { get; }

    /// <summary>Linux's end has the same unless somebody changes it.</summary>
    public int Mtu => 1500;

    public LinkOffloads Offloads =>
        LinkOffloads.ChecksumIPv4 | LinkOffloads.ChecksumIPv6 | LinkOffloads.SegmentationIPv4 | LinkOffloads.SegmentationIPv6;

    public bool TrySend(PacketBuffer frame)
    {
        VirtioNetHeader header = VirtioNetHeader.Of(frame);
        MemoryMarshal.Write(_frame, in header);
        frame.Data.CopyTo(_frame.AsSpan(s_headerSize));
        fixed (byte* first = _frame)
        {
            // A frame that the device does not take for another reason, such as an interface that is down, is lost.
            if (write(_device, first, (nuint)(s_headerSize + frame.Length)) < 0 && Marshal.GetLastPInvokeError() == TryAgain)
            {
                return false;
            }
        }

        frame.Return();
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool)
    {
        int length;
        fixed (byte* first = _frame)
        {
            length = (int)read(_device, first, (nuint)_frame.Length) - s_headerSize;
        }

        if (length < EthernetHeader.Size)
        {
            return null;
        }

        PacketBuffer frame = pool.Rent(length);
        _frame.AsSpan(s_headerSize, length).CopyTo(frame.Append(length));
        frame.Offload = MemoryMarshal.Read<VirtioNetHeader>(_frame).ToOffload();
        return frame;
    }

    public void SetMulticast(MacAddress group, bool isJoined)
    {
        // The device delivers everything.
    }

    /// <summary>Waits until a frame has arrived or the time is over.</summary>
    public void Wait(TimeSpan limit)
    {
        PollDescriptor waited = new() { Descriptor = _device, Events = PollIn };
        _ = poll(&waited, 1, (int)Math.Clamp(Math.Ceiling(limit.TotalMilliseconds), 0, 60_000));
    }

    public void Dispose() => _ = close(_device);

    private static int Check(int result, string what) =>
        result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int descriptor, nuint request, nuint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
