using Xenlet.Net.Internet;

namespace Xenlet.Net.Tests.Simulation;

/// <summary>Records what the internet layer hands up, as protocol 200 or whatever the test chooses.</summary>
internal sealed class TestTransport(IpStack stack) : ITransport
{
    public const byte Protocol = 200;

    public List<(byte[] Data, InternetHeader Header)> Received { get; } = [];

    public List<IcmpError> Errors { get; } = [];

    public List<InternetAddress> ChangedMtus { get; } = [];

    public List<InternetAddress> RemovedAddresses { get; } = [];

    public int RoomCalls { get; private set; }

    /// <summary>Whether quoted packets are taken for our own.</summary>
    public bool IsOurs { get; set; } = true;

    public static TestTransport AddTo(TestHost host, byte protocol = Protocol)
    {
        TestTransport transport = new(host.Stack);
        host.Stack.Internet.SetTransport(protocol, transport);
        return transport;
    }

    public InternetSendResult Send(
        string destination, int length, bool canFragment = false, byte protocol = Protocol, PacketOffload offload = default)
    {
        InternetAddress remote = TestNetwork.Parse(destination);
        if (!stack.Internet.Output.TrySelectSource(remote, out InternetAddress local))
        {
            return InternetSendResult.NoRoute;
        }

        PacketBuffer packet = stack.Pool.Rent(length);
        Span<byte> data = packet.Append(length);
        for (int i = 0; i < length; i++)
        {
            data[i] = (byte)(i * 7);
        }

        packet.Offload = offload;
        return stack.Internet.Output.Send(packet, new InternetHeader(local, remote, protocol, 0, 0, canFragment));
    }

    public void Receive(PacketBuffer packet, in InternetHeader header)
    {
        Received.Add((packet.Data.ToArray(), header));
        stack.Pool.Return(packet);
    }

    public bool OnError(in IcmpError error, ReadOnlySpan<byte> payload)
    {
        Errors.Add(error);
        return IsOurs;
    }

    public void OnMtuChanged(InternetAddress remote) => ChangedMtus.Add(remote);

    public void OnRoom() => RoomCalls++;

    public void OnAddressRemoved(InternetAddress local) => RemovedAddresses.Add(local);
}
