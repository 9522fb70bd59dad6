using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Xenlet.NetworkPeer;

/// <summary>A Linux packet socket on one interface: whole Ethernet frames (<c>man 7 packet</c>).</summary>
internal sealed unsafe partial class RawSocket : IDisposable
{
    /// <summary>For a socket that only sends.</summary>
    public const int NoEtherType = 0;

    // Linux's socket.h, if_packet.h, poll.h.
    private const int AfPacket = 17;
    private const int SockRaw = 3;
    private const int SolSocket = 1;
    private const int SoReceiveBufferForce = 33;
    private const short PollIn = 1;
    private readonly int _socket;

    /// <exception cref="Win32Exception">Linux refused.</exception>
    public RawSocket(string name, int etherType)
    {
        ushort protocol = (ushort)IPAddressToNetwork(etherType);
        _socket = Check(socket(AfPacket, SockRaw, protocol), "socket");
        int size = 4 * 1024 * 1024;
        Check(setsockopt(_socket, SolSocket, SoReceiveBufferForce, &size, sizeof(int)), "setsockopt");
        byte* address = stackalloc byte[20];
        new Span<byte>(address, 20).Clear();
        *(ushort*)address = AfPacket;
        *(ushort*)(address + 2) = protocol;
        uint index = if_nametoindex(name);
        *(uint*)(address + 4) = index != 0
            ? index
            : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"there is no interface {name}");
        Check(bind(_socket, address, 20), "bind");
    }

    public void Send(ReadOnlySpan<byte> frame)
    {
        fixed (byte* first = frame)
        {
            Check((int)send(_socket, first, (nuint)frame.Length, 0), "send");
        }
    }

    /// <summary>Sends some of a list's frames, and says how many Linux has taken.</summary>
    public int Send(FrameList frames, int first, int count) =>
        Check(sendmmsg(_socket, frames.From(first), (uint)Math.Min(count, frames.Count - first), 0), "sendmmsg");

    /// <summary>Waits for a frame; 0 when none came in time.</summary>
    public int Receive(Span<byte> buffer, int milliseconds)
    {
        if (!Wait(milliseconds))
        {
            return 0;
        }

        fixed (byte* first = buffer)
        {
            return Check((int)recv(_socket, first, (nuint)buffer.Length, 0), "recv");
        }
    }

    public void Dispose() => _ = close(_socket);

    /// <summary>Waits until there is something to receive; false when nothing came in time.</summary>
    private bool Wait(int milliseconds)
    {
        PollEntry entry = new() { Descriptor = _socket, Events = PollIn };
        return Check(poll(&entry, 1, milliseconds), "poll") != 0;
    }

    private static int IPAddressToNetwork(int value) => ((value & 0xFF) << 8) | (value >> 8);

    private static int Check(int result, string what) =>
        result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError(), what);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(int socket, int level, int name, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(int socket, void* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint send(int socket, void* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sendmmsg(int socket, MessageEntry* messages, uint count, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recv(int socket, void* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial uint if_nametoindex(string name);

    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
