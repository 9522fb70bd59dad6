using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>Options that the stack keeps or makes, beside those of the host's Linux.</summary>
public sealed class StackOptionTests : RealStackTest
{
    private const int IpLevel = 0;
    private const int IpOptions = 4;
    private const int TcpLevel = 6;
    private const int TcpInfo = 11;
    private const ulong StreamKind = 1;
    private const ulong NonBlocking = 0x800;
    private const int Size = 1_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>Of struct tcp_info (linux/tcp.h), what does not depend on times and on the loopback's own sizes.</summary>
    private static readonly (string Name, int Offset, int Size)[] s_fields =
    [
        ("state", 0, 1), ("ca_state", 1, 1), ("retransmits", 2, 1), ("options", 5, 1), ("unacked", 24, 4), ("lost", 32, 4),
        ("retrans", 36, 4), ("snd_ssthresh", 76, 4), ("total_retrans", 100, 4), ("bytes_acked", 120, 8), ("bytes_received", 128, 8),
        ("notsent_bytes", 144, 4),
    ];

    [Theory]
    [InlineData("01 01 00")]
    [InlineData("83 07 04 0A000007")]
    [InlineData("01 83 07 04 0A000007")]
    [InlineData("89 0B 04 0A000007 0A000008")]
    [InlineData("83 07 04 E0000001")]
    [InlineData("83 07 08 0A000007")]
    [InlineData("83 03 04")]
    [InlineData("83 0B 04 0A000007")]
    [InlineData("83 27 04 0A000001 0A000002 0A000003 0A000004 0A000005 0A000006 0A000007 0A000008 0A000009 00")]
    [InlineData("01 83 27 04 0A000001 0A000002 0A000003 0A000004 0A000005 0A000006 0A000007 0A000008 0A000009 00")]
    public void A_source_route_is_set_and_read_as_on_Linux(string hexadecimal)
    {
        byte[] value = Convert.FromHexString(hexadecimal.Replace(" ", "", StringComparison.Ordinal));
        using Socket linux = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        int error = 0;
        try
        {
            linux.SetRawSocketOption(IpLevel, IpOptions, value);
        }
        catch (SocketException refused)
        {
            error = refused.NativeErrorCode;
        }

        byte[] kept = new byte[64];
        kept = kept[..linux.GetRawSocketOption(IpLevel, IpOptions, kept)];

        using RealStack stack = new();
        ulong socket = Open(stack);
        Assert.Equal(-error, stack.Call(SystemCallNumber.Setsockopt, socket, IpLevel, IpOptions, Store(value), (ulong)value.Length));
        Assert.Equal(Convert.ToHexString(kept), Convert.ToHexString(Get(stack, socket, IpLevel, IpOptions)));

        // No bytes are no options.
        Assert.Equal(0, stack.Call(SystemCallNumber.Setsockopt, socket, IpLevel, IpOptions, 0, 0));
        Assert.Empty(Get(stack, socket, IpLevel, IpOptions));
    }

    [Fact]
    public void Options_of_IP_that_the_stack_does_not_obey_are_refused()
    {
        using RealStack stack = new();
        ulong recordRoute = Store([7, 7, 4, 0, 0, 0, 0, 0]);
        Assert.Equal(-Errno.EINVAL, stack.Call(SystemCallNumber.Setsockopt, Open(stack), IpLevel, IpOptions, recordRoute, 8));
    }

    [Fact]
    public void What_TCP_INFO_says_of_a_connection_is_what_Linux_says()
    {
        using RealStack stack = new();
        ulong buffer = Allocate(1);
        using Socket linuxListener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using Socket linuxClient = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        ulong listener = Open(stack);
        ulong client = Open(stack);
        AssertSame("a new one", linuxClient, stack, client);

        linuxListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        linuxListener.Listen(4);
        Assert.Equal(0, stack.Call(SystemCallNumber.Bind, listener, Loopback(80), 16));
        Assert.Equal(0, stack.Call(SystemCallNumber.Listen, listener, 4));
        Assert.Equal(10, Get(stack, listener, TcpLevel, TcpInfo)[0]);

        linuxClient.Connect(linuxListener.LocalEndPoint!);
        using Socket linuxServer = linuxListener.Accept();
        Assert.Equal(-Errno.EINPROGRESS, stack.Call(SystemCallNumber.Connect, client, Loopback(80), 16));
        stack.Settle();
        ulong server = (ulong)stack.Call(SystemCallNumber.Accept4, listener, 0, 0, NonBlocking);
        AssertSame("connected", linuxClient, stack, client);
        AssertSame("accepted", linuxServer, stack, server);

        Assert.Equal(Size, linuxClient.Send(new byte[Size]));
        Assert.Equal(Size, stack.Call(SystemCallNumber.Write, client, buffer, Size));
        stack.Settle();
        AssertSame("has sent", linuxClient, stack, client);
        AssertSame("has received", linuxServer, stack, server);

        linuxClient.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, stack.Call(SystemCallNumber.Shutdown, client, 1));
        stack.Settle();
        AssertSame("has finished", linuxClient, stack, client);
        AssertSame("has the peer's end", linuxServer, stack, server);
    }

    [Fact]
    public void As_much_of_TCP_INFO_comes_as_there_is_room_for()
    {
        using RealStack stack = new();
        ulong socket = Open(stack);
        Assert.Equal(232, Get(stack, socket, TcpLevel, TcpInfo).Length);
        Assert.Equal([7], Get(stack, socket, TcpLevel, TcpInfo, room: 1));
        ulong value = Allocate(1);
        ulong negative = Store([255, 255, 255, 255]);
        Assert.Equal(-Errno.EINVAL, stack.Call(SystemCallNumber.Getsockopt, socket, TcpLevel, TcpInfo, value, negative));
        Assert.Equal(-Errno.ENOPROTOOPT, stack.Call(SystemCallNumber.Setsockopt, socket, TcpLevel, TcpInfo, value, 232));
    }

    private static void AssertSame(string when, Socket linux, RealStack stack, ulong socket)
    {
        byte[] info = new byte[512];
        string ours = Show(Get(stack, socket, TcpLevel, TcpInfo));

        // What Linux's loopback still does by itself.
        string theirs = "";
        bool isSame = SpinWait.SpinUntil(
            () =>
            {
                theirs = Show(info.AsSpan(0, linux.GetRawSocketOption(TcpLevel, TcpInfo, info)));
                return theirs == ours;
            },
            s_patience);
        Assert.True(isSame, $"{when}: Linux says {theirs}, the stack {ours}");
    }

    private static string Show(ReadOnlySpan<byte> info)
    {
        List<string> shown = [];
        foreach ((string name, int offset, int size) in s_fields)
        {
            ReadOnlySpan<byte> field = info.Slice(offset, size);
            ulong number = size switch
            {
                1 => field[0],
                4 => BinaryPrimitives.ReadUInt32LittleEndian(field),
                _ => BinaryPrimitives.ReadUInt64LittleEndian(field),
            };
            shown.Add($"{name} {number}");
        }

        return string.Join(", ", shown);
    }

    private static byte[] Get(RealStack stack, ulong socket, int level, int name, int room = 512)
    {
        ulong value = Allocate(1);
        ulong length = Store(BitConverter.GetBytes(room));
        Assert.Equal(0, stack.Call(SystemCallNumber.Getsockopt, socket, (ulong)level, (ulong)name, value, length));
        return Load(value, BitConverter.ToInt32(Load(length, sizeof(int))));
    }

    private static ulong Open(RealStack stack)
    {
        long descriptor = stack.Call(SystemCallNumber.Socket, 2, StreamKind | NonBlocking, 0);
        Assert.True(descriptor >= 0, $"socket returned {descriptor}");
        return (ulong)descriptor;
    }

    /// <summary>A sockaddr_in of 127.0.0.1.</summary>
    private static ulong Loopback(ushort port) => Store([2, 0, (byte)(port >> 8), (byte)port, 127, 0, 0, 1, .. new byte[8]]);
}
