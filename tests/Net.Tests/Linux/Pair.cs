using System.Net;
using System.Net.Sockets;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Linux;

/// <summary>Both ends of a connection: a socket of Linux, which never blocks, and a user of our stack.</summary>
internal sealed record Pair(Socket Theirs, SimulatedUser Ours) : IDisposable
{
    private const int OurPort = 80;
    private const int TheirPort = 4000;
    private const int Capacity = 60_000;

    private readonly byte[] _buffer = new byte[20_000];
    private long _received;
    private long _sent;

    /// <summary>Connects from us to Linux.</summary>
    public static Pair Open(LinuxHost host)
    {
        using Socket listener = Bound(TheirPort);
        listener.Listen();
        return Open(host, listener);
    }

    /// <summary>Connects from our port to a listening socket of Linux.</summary>
    public static Pair Open(LinuxHost host, Socket listener)
    {
        SimulatedUser ours = Connect(host);
        host.WaitFor("Linux to accept", () => listener.Poll(0, SelectMode.SelectRead));
        Socket theirs = listener.Accept();
        theirs.Blocking = false;
        host.WaitFor("the connection", () => ours.IsConnected);
        return new Pair(theirs, ours);
    }

    /// <summary>Connects from Linux's port to ours, which listens.</summary>
    public static Pair Accept(LinuxHost host, SimulatedServer server, int number)
    {
        Socket theirs = Bound(TheirPort);
        theirs.Blocking = false;
        Assert.Throws<SocketException>(() => theirs.Connect(IPAddress.Parse("10.9.0.2"), OurPort));
        host.WaitFor($"connection {number}", () => server.Accepted.Count == number && theirs.Poll(0, SelectMode.SelectWrite));
        SimulatedUser ours = server.Accepted[^1];
        ours.Arrived = () => ours.Read(int.MaxValue);
        return new Pair(theirs, ours);
    }

    /// <summary>Listens on our port.</summary>
    public static void Listen(LinuxHost host, SimulatedServer server)
    {
        Endpoint local = new(TestNetwork.Parse("10.9.0.2"), OurPort);
        Assert.Equal(TcpError.None, host.Stack.Tcp.Bind(local, false, true, false, out TcpBinding? binding));
        Assert.Equal(TcpError.None, host.Stack.Tcp.Listen(binding!, server, new TcpSettings(), 16, out _));
    }

    /// <summary>Sends our SYN, from our port to Linux's.</summary>
    public static SimulatedUser Connect(LinuxHost host)
    {
        SimulatedUser ours = new(Capacity, Capacity);
        ours.Arrived = () => ours.Read(int.MaxValue);
        Endpoint local = new(TestNetwork.Parse("10.9.0.2"), OurPort);
        Endpoint remote = new(TestNetwork.Parse("10.9.0.1"), TheirPort);
        Assert.Equal(TcpError.None, host.Stack.Tcp.Bind(local, false, true, false, out TcpBinding? binding));
        Assert.Equal(TcpError.None, host.Stack.Tcp.Connect(remote, ours, binding, null, out TcpConnection? connection));
        host.Stack.Tcp.Release(binding!);
        ours.Connection = connection;
        return ours;
    }

    /// <summary>A socket of Linux that may have a port which another one had a moment ago.</summary>
    public static Socket Bound(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Parse("10.9.0.1"), port));
        return socket;
    }

    public SocketError ErrorOfTheirs() => (SocketError)Theirs.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;

    /// <summary>So many bytes go each way.</summary>
    public void Exchange(LinuxHost host, int count)
    {
        Send(host, count);
        Receive(host, count);
    }

    /// <summary>Linux sends so many bytes.</summary>
    public void Send(LinuxHost host, int count)
    {
        long end = _sent + count;
        host.WaitFor("Linux's bytes", () =>
        {
            while (_sent < end && Theirs.Poll(0, SelectMode.SelectWrite))
            {
                Span<byte> data = _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, end - _sent));
                Pattern.Fill(_sent, data);
                _sent += Theirs.Send(data, SocketFlags.None, out SocketError error);
                if (error == SocketError.WouldBlock)
                {
                    break;
                }
            }

            return Ours.Received == end;
        });
    }

    /// <summary>We send so many bytes.</summary>
    public void Receive(LinuxHost host, int count)
    {
        long end = Ours.Written + count;
        host.WaitFor("our bytes", () =>
        {
            Ours.Write((int)(end - Ours.Written));
            Take();
            return _received == end;
        });
    }

    /// <summary>Linux takes what we have written.</summary>
    public void ReceiveWritten(LinuxHost host) => Receive(host, 0);

    public void Dispose() => Theirs.Dispose();

    private void Take()
    {
        while (Theirs.Poll(0, SelectMode.SelectRead))
        {
            int count = Theirs.Receive(_buffer);
            Assert.True(count > 0, "Linux was told of an end");
            Assert.Equal(-1, Pattern.FirstDifference(_received, _buffer.AsSpan(0, count)));
            _received += count;
        }
    }
}
