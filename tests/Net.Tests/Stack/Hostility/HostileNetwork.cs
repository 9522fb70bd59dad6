using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Stack.Hostility;

/// <summary>
/// A host that serves, a friend with a connection of each family to it, and whoever else is on the link: what that one sends, an
/// <see cref="Attack"/> says.
/// </summary>
internal sealed class HostileNetwork
{
    public const ushort Port = 80;
    public const ushort FriendPort = 5_000;

    /// <summary>Frames are sent 5,000 a second, so many at once.</summary>
    private const int Batch = 50;

    private static readonly TimeSpan BatchTime = TimeSpan.FromMilliseconds(10);

    private readonly TestNetwork _network = new();
    private readonly List<(SimulatedUser Friend, SimulatedUser Served)> _connections = [];
    private readonly Server _server;
    private (long ByFriend, long ByUs)[] _demanded = [];

    public HostileNetwork()
    {
        Victim = _network.AddHost("10.0.0.1/16 fd00::1/64");
        Friend = _network.AddHost("10.0.0.2/16 fd00::2/64");
        Victim.Stack.TryAddRoute(new Route(new(InternetAddress.AnyIPv4, 0), TestNetwork.Parse("10.0.0.2"), Victim.Interface, 0));
        Victim.Stack.TryAddRoute(new Route(new(InternetAddress.AnyIPv6, 0), TestNetwork.Parse("fd00::2"), Victim.Interface, 0));
        Victim.Stack.StartDhcp(Victim.Interface, "victim");
        Victim.Stack.StartRouterDiscovery(Victim.Interface);
        UdpEndpoint endpoint = Victim.Stack.CreateUdpEndpoint(new TestUdpUser(), isIPv6: true);
        endpoint.Bind(new Endpoint(InternetAddress.AnyIPv6, 53));
        Assert.Equal(NetworkError.None, endpoint.Join(TestNetwork.Parse("239.1.2.3")));
        _server = new Server(Victim.Stack);
        _network.Wire.Passes = Watch;
        foreach (string address in (string[])["10.0.0.1", "fd00::1"])
        {
            Connect(TestNetwork.Parse(address));
        }

        _demanded = new (long, long)[_connections.Count];
        _network.Advance(TimeSpan.FromSeconds(5));
    }

    public TestHost Victim { get; }

    public TestHost Friend { get; }

    /// <summary>The last segment that the victim sent to its friend over IPv4, as an eavesdropper knows it.</summary>
    public (TcpHeader Header, TcpOptions Options) LastToFriend { get; private set; }

    /// <summary>The last SYN that the victim answered.</summary>
    public (InternetAddress To, TcpHeader Header) LastSynAnswer { get; private set; }

    /// <summary>The transaction of the last question to DHCP servers.</summary>
    public uint Transaction { get; private set; }

    /// <summary>Frames that the victim has sent, those of its friend's connections among them.</summary>
    public long Sent { get; private set; }

    /// <summary>The connections that strangers have opened.</summary>
    public IReadOnlyList<SimulatedUser> Strangers => _server.Strangers;

    /// <summary>
    /// Lets an attack go on for so many frames, while the friend and the victim exchange data, of which none may be late by 200 ms.
    /// </summary>
    /// <param name="attack">The attack.</param>
    /// <param name="first">The number of its first frame.</param>
    /// <param name="count">How many frames follow.</param>
    public void Endure(Attack attack, int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            attack.Send(this, i);
            if (i % Batch == Batch - 1)
            {
                Victim.Stack.Run();
                foreach ((SimulatedUser friend, SimulatedUser served) in _connections)
                {
                    friend.Write(500);
                    served.Write(500);
                }

                _network.Advance(BatchTime);
                Friend.Link.Inbox.Clear();
                _network.Wire.Sent.Clear();
            }

            if (i % (20 * Batch) == 0)
            {
                DemandProgress(attack.Name);
            }
        }
    }

    /// <summary>Ends the connections, lets all times pass, and sees that the stack keeps nothing of anybody.</summary>
    public void AssertNothingIsLeft(string name)
    {
        DemandProgress(name);
        foreach ((SimulatedUser friend, SimulatedUser served) in _connections)
        {
            friend.Connection!.Close();
            served.Connection!.Close();
        }

        foreach (SimulatedUser stranger in Strangers.Where(each => !each.HasEnded))
        {
            stranger.Connection!.Close();
        }

        Victim.Stack.StopDhcp(Victim.Interface);
        _network.Advance(TimeSpan.FromMinutes(15));
        Assert.All(_connections, pair => Assert.Equal(TcpError.None, pair.Served.Error));
        Assert.Empty(Victim.Stack.Tcp.Connections);
        Assert.Equal(0, Victim.Stack.Tcp.TimeWaitCount);
        Assert.Equal(0, Victim.Stack.Tcp.Counters.Faults);
        Assert.Equal(0, _server.SynCount);
        Assert.Equal(0, Victim.Stack.Pool.Rented);
    }

    private void DemandProgress(string name)
    {
        for (int i = 0; i < _connections.Count; i++)
        {
            (SimulatedUser friend, SimulatedUser served) = _connections[i];
            string family = i == 0 ? "IPv4" : "IPv6";
            Assert.True(
                friend.Error == TcpError.None && served.Error == TcpError.None,
                $"{name}: the friend's connection over {family} ended: {friend.Error}, {served.Error}");
            Assert.True(
                served.Received >= _demanded[i].ByFriend && friend.Received >= _demanded[i].ByUs,
                $"{name}: the friend's connection over {family} stands still: {served.Received} of {_demanded[i].ByFriend} bytes came, "
                    + $"{friend.Received} of {_demanded[i].ByUs} went");
            _demanded[i] = (friend.Written, served.Written);
        }
    }

    private void Connect(InternetAddress address)
    {
        SimulatedUser friend = new(100_000, 100_000);
        friend.Arrived = () => friend.Read(int.MaxValue);
        Endpoint local = new(address.IsIPv4 ? InternetAddress.AnyIPv4 : InternetAddress.AnyIPv6, FriendPort);
        Assert.Equal(TcpError.None, Friend.Stack.Tcp.Bind(local, false, true, false, out TcpBinding? binding));
        Assert.Equal(
            TcpError.None, Friend.Stack.Tcp.Connect(new Endpoint(address, Port), friend, binding, null, out TcpConnection? connection));
        friend.Connection = connection;
        _network.Advance(TimeSpan.FromSeconds(1));
        Assert.True(friend.IsConnected, $"the friend has no connection to {address}");
        SimulatedUser served = _server.Newest!;
        served.Arrived = () => served.Read(int.MaxValue);
        _connections.Add((friend, served));
        _server.Strangers.Clear();
    }

    /// <summary>Sees all frames. What the victim sends to strangers is counted.</summary>
    private bool Watch(byte[] frame)
    {
        if (!frame.AsSpan(6, 6).SequenceEqual(Bytes(Victim.Link.Address)))
        {
            return true;
        }

        ReadOnlySpan<byte> packet = frame.AsSpan(EthernetHeader.Size);
        bool isIPv4 = frame[12] == 8 && frame[13] == 0;
        bool isTcp = (isIPv4 && packet[9] == TcpHeader.Protocol) || (frame[12] == 0x86 && packet[6] == TcpHeader.Protocol);
        if (isTcp)
        {
            ReadOnlySpan<byte> segment = packet[(isIPv4 ? IPv4Header.Size : IPv6Header.Size)..];
            Assert.True(TcpHeader.TryRead(segment, out TcpHeader tcp));
            InternetAddress to = InternetAddress.Read(isIPv4 ? packet[16..20] : packet[24..40]);
            if (tcp.DestinationPort == FriendPort)
            {
                LastToFriend = isIPv4 ? (tcp, TcpOptions.Read(segment[TcpHeader.FixedSize..tcp.HeaderSize])) : LastToFriend;
            }
            else if ((tcp.Flags & TcpFlags.Syn) != 0)
            {
                LastSynAnswer = (to, tcp);
            }
        }
        else if (isIPv4 && packet[9] == ProtocolNumber.Udp && packet[21] == 68)
        {
            Transaction = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(packet[32..]);
        }

        Sent++;
        return true;
    }

    private static byte[] Bytes(MacAddress address)
    {
        byte[] bytes = new byte[MacAddress.Size];
        address.CopyTo(bytes);
        return bytes;
    }

    /// <summary>A listener that takes a hundred connections at most, and sends each something.</summary>
    private sealed class Server : ITcpListenUser
    {
        public const int Limit = 100;

        private readonly TcpListener _listener;

        public Server(IpStack stack)
        {
            Endpoint local = new(InternetAddress.AnyIPv6, Port);
            Assert.Equal(TcpError.None, stack.Tcp.Bind(local, isDual: true, false, false, out TcpBinding? binding));
            Assert.Equal(TcpError.None, stack.Tcp.Listen(binding!, this, new TcpSettings(), 128, out TcpListener? listener));
            _listener = listener!;
        }

        public List<SimulatedUser> Strangers { get; } = [];

        public SimulatedUser? Newest { get; private set; }

        public int SynCount => _listener.SynCount;

        public bool HasRoom => Strangers.Count < Limit;

        public int ReceiveCapacity => 100_000;

        public ITcpUser? OnConnection(in Flow flow) => new SimulatedUser(20_000, ReceiveCapacity);

        public void OnAccepted(ITcpUser user, TcpConnection connection)
        {
            SimulatedUser accepted = Newest = (SimulatedUser)user;
            accepted.Connection = connection;
            accepted.Connected = () => accepted.Write(Strangers.Contains(accepted) ? 20_000 : 0);
            Strangers.Add(accepted);
        }
    }
}
