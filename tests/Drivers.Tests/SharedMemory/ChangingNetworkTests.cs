using System.Globalization;
using Xenlet.Net;
using Xenlet.Tests.SharedMemory;
using Xenlet.XenBus;

namespace Xenlet.Drivers.Tests.SharedMemory;

/// <summary>The pages of an interface's rings change under the driver: between any two reads of them, and on another processor.</summary>
[Collection(ChangingRingTests.Name)]
public sealed class ChangingNetworkTests
{
    private const int Rounds = 14;

    /// <summary>What the driver reports about a back end that breaks the protocol.</summary>
    private static readonly string[] Reasons = ["rsp_prod is", "of the receiving ring", "of the sending ring"];

    [Fact]
    public async Task Whatever_each_read_of_the_rings_gives_the_interface_closes_with_a_reason_or_goes_on() =>
        Assert.InRange(await (Task<int>)RewrittenCode.Run(PlayAsync, Rounds, false)!, 1, Rounds - 1);

    [Fact]
    public async Task Whatever_another_processor_scribbles_the_interface_closes_with_a_reason_or_goes_on() => await PlayAsync(Rounds, true);

    /// <summary>Plays one interface after another, beside one that continues, and returns how many were closed.</summary>
    private static async Task<int> PlayAsync(int rounds, bool isOnThread)
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface other, NetBackEnd otherBack) = await world.PlugAsync("1");
        int closed = 0;
        for (int round = 0; round < rounds; round++)
        {
            (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
            Random random = new(round);
            int delivered = 0;
            using (ChangingPages changing = new(round, isOnThread, Ring("tx-ring-ref"), Ring("rx-ring-ref")))
            {
                for (int i = 0; i < 30; i++)
                {
                    network.TrySend(NetWorld.Frame(network, new byte[random.Next(14, 20_000)]));
                    back.TakeSentLoosely();
                    back.Receive.Put(new() { Id = (ushort)delivered++, Status = (short)random.Next(14, 4096) });
                    back.Receive.Publish();
                    back.ReceiveChannel.NotifyFront();
                    back.TransmitChannel.NotifyFront();
                    await Task.Yield();
                    TakeReceived(network);
                }
            }

            closed += network.IsUp ? 0 : 1;
            Assert.True(otherBack.TryDeliver(NetWorld.Bytes(round, 60)));
            Assert.Equal(NetWorld.Bytes(round, 60), await NetWorld.ReceiveAsync(other));
            back.Unmap();
            await world.Host.RemoveAsync("vif/0");
            await world.BecomesAsync(network, NetworkState.Gone);

            byte[] Ring(string node)
            {
                using TestMapping mapping = world.Machine.Map(uint.Parse(back.Nodes[node], CultureInfo.InvariantCulture), 0);
                return mapping.Bytes;
            }
        }

        Assert.All(
            world.Host.Events.Where(happened => happened.Text.Contains("connection was closed", StringComparison.Ordinal)),
            happened => Assert.Contains(Reasons, reason => happened.Text.Contains(reason, StringComparison.Ordinal)));

        // An interface is gone before its pages are.
        await world.Host.UntilAsync(() => world.Machine.HeldPages == 0);
        return closed;
    }

    private static void TakeReceived(NetworkInterface network)
    {
        while (network.TryReceive(out FrameBuffer? frame))
        {
            Assert.InRange(frame.Length, EthernetHeader.Size, NetProtocol.MaximumFrameSize);
            frame.Dispose();
        }
    }
}
