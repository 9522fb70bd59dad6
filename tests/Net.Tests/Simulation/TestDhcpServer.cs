using System.Buffers.Binary;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Simulation;

/// <summary>A DHCP server that does what a test says, on a stack of its own.</summary>
internal sealed class TestDhcpServer : IUdpUser
{
    private readonly TestHost _host;
    private readonly UdpEndpoint _endpoint;

    public TestDhcpServer(TestHost host)
    {
        _host = host;
        _endpoint = host.Stack.CreateUdpEndpoint(this, isIPv6: false);
        _endpoint.Options.CanBroadcast = true;
        Assert.Equal(NetworkError.None, _endpoint.Bind(new Endpoint(InternetAddress.AnyIPv4, 67)));
    }

    /// <summary>Messages that have arrived, by their types.</summary>
    public List<byte> Types { get; } = [];

    /// <summary>The last message.</summary>
    public byte[] Last { get; private set; } = [];

    /// <summary>Whether the last message was sent to this server alone.</summary>
    public bool WasUnicast { get; private set; }

    /// <summary>The address that is lent.</summary>
    public string Lends { get; set; } = "10.0.0.50";

    public uint LeaseTime { get; set; } = 3_600;

    /// <summary>Whether requests are refused.</summary>
    public bool Refuses { get; set; }

    /// <summary>Whether it answers at all.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Options besides type, server and lease.</summary>
    public byte[] Options { get; set; } =
    [
        DhcpOption.SubnetMask, 4, 255, 255, 255, 0,
        DhcpOption.Routers, 4, 10, 0, 0, 254,
        DhcpOption.DnsServers, 8, 10, 0, 0, 53, 10, 0, 0, 54,
        DhcpOption.DomainName, 12, .. "example.test"u8,
    ];

    /// <summary>Changes an answer before it is sent.</summary>
    public Action<byte[]> Change { get; set; } = _ => { };

    public bool TryReceive(in UdpOrigin origin, ReadOnlySpan<byte> data)
    {
        Last = data.ToArray();
        WasUnicast = origin.Local.Address != InternetAddress.LimitedBroadcast;
        byte type = Last[DhcpMessage.HeaderSize + 2];
        Types.Add(type);
        if (IsSilent)
        {
            return true;
        }

        switch (type)
        {
            case DhcpOption.Discover:
                Answer(DhcpOption.Offer);
                break;
            case DhcpOption.Request:
                Answer(Refuses ? DhcpOption.Refuse : DhcpOption.Acknowledge);
                break;
        }

        return true;
    }

    public void OnError(NetworkError reason)
    {
    }

    public void OnWritable()
    {
    }

    /// <summary>The value of an option of the last message; null without it.</summary>
    public byte[]? OptionOfLast(byte code)
    {
        for (int at = DhcpMessage.HeaderSize; at < Last.Length && Last[at] != DhcpOption.End;)
        {
            if (Last[at] == DhcpOption.Pad)
            {
                at++;
                continue;
            }

            if (Last[at] == code)
            {
                return Last[(at + 2)..(at + 2 + Last[at + 1])];
            }

            at += 2 + Last[at + 1];
        }

        return null;
    }

    /// <summary>Answers the last message, to everybody.</summary>
    public void Answer(byte type)
    {
        byte[] head = new byte[DhcpMessage.HeaderSize];
        Last.AsSpan(0, 44).CopyTo(head);
        head[0] = 2;
        TestNetwork.Parse(type == DhcpOption.Refuse ? "0.0.0.0" : Lends).Write(head.AsSpan(16));
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(236), DhcpMessage.Cookie);
        byte[] time = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(time, LeaseTime);
        byte[] answer =
        [
            .. head,
            DhcpOption.MessageType, 1, type,
            DhcpOption.ServerIdentifier, 4, 10, 0, 0, 1,
            DhcpOption.LeaseTime, 4, .. time,
            .. Options,
            DhcpOption.End,
        ];
        Change(answer);
        _endpoint.Send(answer, new Endpoint(InternetAddress.LimitedBroadcast, 68), _host.Interface.Index);
    }
}
