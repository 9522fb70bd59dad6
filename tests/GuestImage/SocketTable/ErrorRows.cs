using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>The error queue of datagrams (IP_RECVERR, IPV6_RECVERR), which .NET has no call for: recvmsg with MSG_ERRQUEUE.</summary>
internal static unsafe class ErrorRows
{
    private const int Patience = 60_000_000;
    private const int SOL_IP = 0;
    private const int SOL_IPV6 = 41;
    private const int IP_RECVERR = 11;
    private const int IPV6_RECVERR = 25;

    public static IEnumerable<SocketRow> All =>
    [
        .. SocketFamily.All.Select(family => new SocketRow($"errors of datagrams {family.Name}", trace => Refused(trace, family))),
        new("errors of datagrams, several", Several),
        new("errors of datagrams, connected", Connected),
        new("errors of datagrams to nobody 4", trace => ToNobody(trace, IPv4, "10.9.0.86")),
        new("errors of datagrams to nobody 6", trace => ToNobody(trace, IPv6, "fd09::86")),
        new("errors where there are none", Nowhere),
    ];

    private static void Refused(SocketTrace trace, SocketFamily family)
    {
        Socket socket = Open(trace, family);
        IPEndPoint nobody = family.Nobody;
        trace.Get("send", () => socket.SendTo(Bytes("hello"), Of(family, nobody)));
        trace.Get("comes", () => socket.Poll(Patience, SelectMode.SelectError));
        ShowError(trace, socket);
        ShowError(trace, socket);
        trace.Get("pending", () => Pending(socket));
        PollRows.ShowPolls(trace, "taken", socket);
    }

    private static void Several(SocketTrace trace)
    {
        Socket socket = Open(trace, IPv4);
        IPEndPoint nobody = IPv4.Nobody;
        trace.Get("send", () => socket.SendTo(Bytes("first"), nobody));
        trace.Get("comes", () => socket.Poll(Patience, SelectMode.SelectError));
        trace.Get("send at an error", () => socket.SendTo(Bytes("lost"), nobody));
        trace.Get("still there", () => socket.Poll(0, SelectMode.SelectError));
        trace.Get("send", () => socket.SendTo(Bytes("second"), nobody));

        // Reading the pending error takes it, and leaves the queue.
        SocketTrace.Await(() => Pending(socket) != 0);
        trace.Get("pending", () => Pending(socket));
        ShowError(trace, socket);
        trace.Get("pending", () => Pending(socket));
        socket.SetRawSocketOption(SOL_IP, IP_RECVERR, BitConverter.GetBytes(0));
        ShowError(trace, socket);
        PollRows.ShowPolls(trace, "turned off", socket);
    }

    private static void Connected(SocketTrace trace)
    {
        Socket socket = Open(trace, IPv4);
        socket.Connect(IPv4.Nobody);
        trace.Get("send", () => socket.Send(Bytes("hello")));
        trace.Get("comes", () => socket.Poll(Patience, SelectMode.SelectError));
        trace.Get("receive", () => socket.Receive(new byte[9]));
        ShowError(trace, socket, room: 2);
    }

    private static void ToNobody(SocketTrace trace, SocketFamily family, string address)
    {
        Socket socket = Open(trace, family);
        trace.Get("send", () => socket.SendTo(Bytes("hello"), new IPEndPoint(IPAddress.Parse(address), 9)));
        trace.Get("comes", () => socket.Poll(Patience, SelectMode.SelectError));
        ShowError(trace, socket);
    }

    private static void Nowhere(SocketTrace trace)
    {
        ShowError(trace, IPv4.Datagrams(trace));
        (Socket client, Socket _) = IPv4.Pair(trace);
        client.SetRawSocketOption(SOL_IP, IP_RECVERR, BitConverter.GetBytes(1));
        ShowError(trace, client);
    }

    private static int Pending(Socket socket) =>
        (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;

    private static Socket Open(SocketTrace trace, SocketFamily family)
    {
        Socket socket = family.Datagrams(trace);
        if (family.Server == AddressFamily.InterNetworkV6)
        {
            socket.SetRawSocketOption(SOL_IPV6, IPV6_RECVERR, BitConverter.GetBytes(1));
        }

        if (family.Client == AddressFamily.InterNetwork)
        {
            socket.SetRawSocketOption(SOL_IP, IP_RECVERR, BitConverter.GetBytes(1));
        }

        return socket;
    }

    private static IPEndPoint Of(SocketFamily family, IPEndPoint point) =>
        family.IsDual ? new IPEndPoint(point.Address.MapToIPv6(), point.Port) : point;

    private static void ShowError(SocketTrace trace, Socket socket, int room = 9) => trace.Get("error", () =>
    {
        byte* name = stackalloc byte[28];
        byte* data = stackalloc byte[room];
        byte* control = stackalloc byte[128];
        IoVector vector = new() { Base = data, Length = (nuint)room };
        Message message = new()
        {
            Name = name,
            NameLength = 28,
            Vectors = &vector,
            VectorCount = 1,
            Control = control,
            ControlLength = 128,
        };
        const int recvmsg = 47;
        const long errorQueue = 0x2000;
        long count = SystemCall(recvmsg, socket.SafeHandle.DangerousGetHandle(), (nint)(&message), (nint)errorQueue);
        if (count < 0)
        {
            return $"none/{Marshal.GetLastPInvokeError()}";
        }

        string text = trace.Show(new ReadOnlySpan<byte>(data, (int)count).ToArray());
        ReadOnlySpan<byte> report = new(control, (int)message.ControlLength);
        int size = BinaryPrimitives.ReadInt32LittleEndian(report);
        return $"{text} flags {message.Flags} to {Show(trace, new(name, (int)message.NameLength))} level {Number(report, 8)}"
            + $" type {Number(report, 12)} size {size} errno {Number(report, 16)} origin {report[20]} type {report[21]}"
            + $" code {report[22]} info {Number(report, 24)} by {Show(trace, report[32..size])}";
    });

    private static int Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);

    private static string Show(SocketTrace trace, ReadOnlySpan<byte> address)
    {
        int port = BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
        return trace.Show(new IPEndPoint(new IPAddress(address.Length == 16 ? address[4..8] : address[8..24]), port));
    }

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static extern nint SystemCall(nint number, nint a1, nint a2, nint a3);

    /// <summary>iovec (bits/types/struct_iovec.h).</summary>
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>msghdr (bits/socket.h).</summary>
    private struct Message
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
