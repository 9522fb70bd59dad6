using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Linux.Services;

/// <summary>A port of a stack, and what is made of each connection to it.</summary>
internal sealed class TcpService : ITcpListenUser
{
    private readonly Func<TcpStream> _make;

    private TcpService(Func<TcpStream> make) => _make = make;

    public bool HasRoom => true;

    public int ReceiveCapacity => TcpStream.ReceiveCapacity;

    /// <summary>Serves a port, over IPv4 and IPv6.</summary>
    public static void Start(IpStack stack, ushort port, Func<TcpStream> make)
    {
        Endpoint local = new(InternetAddress.AnyIPv6, port);
        Assert.Equal(TcpError.None, stack.Tcp.Bind(local, true, false, false, out TcpBinding? binding));
        Assert.Equal(TcpError.None, stack.Tcp.Listen(binding!, new TcpService(make), new TcpSettings(), 16, out _));
    }

    public ITcpUser? OnConnection(in Flow flow) => _make();

    public void OnAccepted(ITcpUser user, TcpConnection connection) => ((TcpStream)user).Connection = connection;
}
