using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Internet;

/// <summary>Frames of any content: none makes an exception, and none keeps a buffer for ever.</summary>
public sealed class HostileFrameTests
{
    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Real_frames_with_bytes_changed_do_no_harm(int seed)
    {
        Random random = new(seed);
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        byte[][] samples = Record();
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = [.. samples[random.Next(samples.Length)]];
            for (int change = random.Next(4); change >= 0; change--)
            {
                frame[random.Next(Math.Min(frame.Length, 100))] = (byte)random.Next(256);
            }

            if (random.Next(4) == 0)
            {
                frame = frame[..random.Next(frame.Length)];
            }

            if (random.Next(2) == 0 && frame.Length > 34 && frame[12] == 8)
            {
                RepairHeader(frame);
            }

            host.Take(frame);
            if (i % 16 == 0)
            {
                host.Stack.Run();
                _network.Wire.Sent.Clear();
            }
        }

        _network.Settle();
        Assert.InRange(host.Stack.Pool.Rented, 0, Reassembler.Capacity + (3 * NeighbourCache.IncompleteCapacity));
        host.Stack.RemoveInterface(host.Interface);
        _network.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void A_flood_leaves_the_timers_their_turn()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        bool hasRun = false;
        host.Stack.Internet.Timers.Set(new StackTimer(() => hasRun = true), _network.Clock.Now);
        for (int turn = 0; turn < 100 && !hasRun; turn++)
        {
            for (int i = 0; i < 200; i++)
            {
                host.Take(new byte[60]);
            }

            host.Stack.Run();
        }

        Assert.True(hasRun, "frames that never end kept a timer that was due from running");
    }

    /// <summary>One frame of each kind that this stack sends, to the address of the first host.</summary>
    private static byte[][] Record()
    {
        TestNetwork network = new();
        TestHost first = network.AddHost("10.0.0.1/24 fd00::1/64");
        TestHost second = network.AddHost("10.0.0.2/24 fd00::2/64");
        TestTransport.AddTo(first);
        TestTransport transport = TestTransport.AddTo(second);
        foreach (string address in new[] { "10.0.0.1", "fd00::1" })
        {
            transport.Send(address, 100);
            network.Settle();
            transport.Send(address, 3_000, canFragment: true);
            transport.Send(address, 100, protocol: 201);
            UdpEndpoint udp = second.Stack.CreateUdpEndpoint(new TestUdpUser(), address.Contains(':'));
            udp.Send(new byte[50], new Endpoint(TestNetwork.Parse(address), 53));
            udp.Join(TestNetwork.Parse(address.Contains(':') ? "ff05::1" : "239.0.0.1"));
            network.Settle();
        }

        second.Stack.Internet.Discovery.SendRouterSolicitation(second.Interface);
        second.TakeIPv4("10.0.0.1", "10.0.0.2", ProtocolNumber.Icmp, TestHost.Icmp(IcmpType.EchoRequest, 0, 1, new byte[20]));
        network.Settle();
        return [.. network.Wire.Sent];
    }

    private static void RepairHeader(byte[] frame)
    {
        Span<byte> header = frame.AsSpan(14, 20);
        header[10] = header[11] = 0;
        ushort checksum = InternetChecksum.Of(InternetChecksum.Add(header));
        header[10] = (byte)(checksum >> 8);
        header[11] = (byte)checksum;
    }
}
