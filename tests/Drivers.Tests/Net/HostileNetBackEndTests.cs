using System.Runtime.CompilerServices;
using CsCheck;
using Xenlet.XenBus;

namespace Xenlet.Drivers.Tests;

/// <summary>Back ends that break the protocol: at worst their interface closes with a message, and other interfaces continue.</summary>
public sealed class HostileNetBackEndTests
{
    private static readonly Dictionary<string, (Action<NetBackEnd> Attack, string Message)> Attacks = new()
    {
        ["more responses than requests to receive"] = (back => back.Receive.ResponseProducer = 257, "rsp_prod is 257"),
        ["responses that go backwards"] = (back => back.Receive.ResponseProducer = 0xFFFF_FFFF, "rsp_prod is 4294967295"),
        ["more responses than frames sent"] = (back => back.Transmit.ResponseProducer = 2, "rsp_prod is 2"),
        ["an id of a page that is not next"] = (back => Deliver(back, new() { Id = 5, Status = 60 }), "id 5 where 0 is next"),
        ["an id beyond all pages"] = (back => Deliver(back, new() { Id = 0xFFFF, Status = 60 }), "id 65535 where 0 is next"),
        ["the same id twice"] = (back =>
        {
            Deliver(back, new() { Id = 0, Status = 60 });
            Deliver(back, new() { Id = 0, Status = 60 });
        }, "id 0 where 1 is next"),
        ["a size larger than a page"] = (back => Deliver(back, new() { Status = 4097 }), "4097 bytes at offset 0"),
        ["the largest size"] = (back => Deliver(back, new() { Status = short.MaxValue }), "32767 bytes"),
        ["an offset beyond the page"] = (back => Deliver(back, new() { Offset = 0xFFFF, Status = 1 }), "1 bytes at offset 65535"),
        ["a frame over the end of its page"] = (back => Deliver(back, new() { Offset = 4000, Status = 97 }), "97 bytes at offset 4000"),
        ["a chain without end"] = (back => Chain(back, 20, new() { Status = 4096, Flags = NetProtocol.ReceiveMoreData }),
            "more than 19 slots"),
        ["a chain of nothing without end"] = (back => Chain(back, 20, new() { Flags = NetProtocol.ReceiveMoreData }), "more than 19 slots"),
        ["a chain of failures without end"] = (back => Chain(back, 20, new() { Status = -1, Flags = NetProtocol.ReceiveMoreData }),
            "more than 19 slots"),
        ["extra infos without end"] = (back =>
        {
            Deliver(back, new() { Status = 60, Flags = NetProtocol.ReceiveExtraInfo });
            for (int i = 0; i < 6; i++)
            {
                Extra(back, new() { Type = 4, Flags = NetProtocol.ExtraMore });
            }
        }, "more than 5 extra infos"),
        ["an extra info of no type"] = (back => WithExtra(back, default), "unknown type 0"),
        ["an extra info of an unknown type"] = (back => WithExtra(back, new() { Type = 6 }), "unknown type 6"),
        ["segments of no bytes"] = (back => WithExtra(back, new() { Type = 1, Kind = 1 }), "segments of 0 bytes"),
        ["segments of an unknown kind"] = (back => WithExtra(back, new() { Type = 1, Kind = 3, Size = 1460 }), "kind 3"),
        ["a prefix that was not asked for"] = (back => Deliver(back, new() { Status = 60, Flags = NetProtocol.ReceiveGsoPrefix }),
            "GSO prefix"),
        ["an answer to nothing sent"] = (back => Answer(back, new() { Id = 77 }), "id 77, which waits for none"),
        ["an answer with an id beyond the ring"] = (back => Answer(back, new() { Id = 256 }), "id 256, which waits for none"),
        ["the same answer twice"] = (back =>
        {
            back.Transmit.TryTake(out TransmitRequest first);
            back.Transmit.TryTake(out _);
            back.Transmit.Put(new() { Id = first.Id });
            Answer(back, new() { Id = first.Id });
        }, "which waits for none"),
        ["an answer to an extra info that was not sent"] = (back => Answer(back, new() { Status = NetProtocol.ResponseNull }),
            "extra info that was not sent"),
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_signals_without_cause_is_named_by_the_bus_and_its_events_are_counted(bool receiving)
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        while (network.Device.SpuriousEvents < 10)
        {
            (receiving ? back.ReceiveChannel : back.TransmitChannel).NotifyFront();
            await Task.Yield();
        }

        await world.Host.SeesAsync("vif/0", "domain 0 signals without cause");
        Assert.Matches("[0-9]+ events brought nothing", DeviceTree.Format(world.Bus));
        Assert.Equal(NetworkState.Up, network.State);
    }

    public static TheoryData<string> Names => [.. Attacks.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task It_closes_its_interface_with_a_message_and_harms_no_other(string name)
    {
        (Action<NetBackEnd> attack, string message) = Attacks[name];
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        (NetworkInterface other, NetBackEnd otherBack) = await world.PlugAsync("1");
        if (message.Contains("waits for none", StringComparison.Ordinal)
            || message.Contains("not sent", StringComparison.Ordinal)
            || message == "rsp_prod is 2")
        {
            // Something must be there to be answered wrongly.
            int count = name == "the same answer twice" ? 2 : 1;
            for (int i = 0; i < count; i++)
            {
                Assert.True(network.TrySend(NetWorld.Frame(network, new byte[60])));
            }
        }

        attack(back);
        back.ReceiveChannel.NotifyFront();
        back.TransmitChannel.NotifyFront();
        await world.BecomesAsync(network, NetworkState.Closed);
        await back.FrontBecomesAsync(XenBusState.Closed);
        await world.Host.SeesAsync("vif/0", "the connection was closed", message);
        await world.Host.HasErrorAsync("vif/0", message);
        Assert.False(network.TrySend(NetWorld.Frame(network, new byte[60])));

        // It cannot connect again without the tool stack.
        await back.SetStateAsync(XenBusState.InitWait);
        Assert.True(otherBack.TryDeliver(NetWorld.Bytes(1, 60)));
        Assert.Equal(NetWorld.Bytes(1, 60), await NetWorld.ReceiveAsync(other));
        await world.Host.UntilAsync(() => world.Bus.Devices[0] is { Name: "vif/0", OtherEndState: XenBusState.InitWait });
        await world.Host.SettleAsync(world.Bus);
        Assert.Equal(XenBusState.Closed, await world.Host.FrontStateAsync("vif/0"));

        // The tool stack can set it up anew.
        back.Unmap();
        await world.Host.RemoveAsync("vif/0");
        await world.BecomesAsync(network, NetworkState.Gone);
        (NetworkInterface again, NetBackEnd honest) = await world.PlugAsync();
        Assert.True(honest.TryDeliver(NetWorld.Bytes(2, 60)));
        Assert.Equal(NetWorld.Bytes(2, 60), await NetWorld.ReceiveAsync(again));
    }

    [Fact]
    public async Task Whatever_it_writes_over_the_rings_at_any_time_no_other_interface_is_harmed()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface other, NetBackEnd otherBack) = await world.PlugAsync("1");
        await Gen.Int.SampleAsync(
            async seed =>
            {
                Random random = new(seed);
                (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
                for (int i = 0; i < 40; i++)
                {
                    switch (random.Next(7))
                    {
                        case 0:
                            back.Receive.Scribble(random);
                            break;
                        case 1:
                            back.Transmit.Scribble(random);
                            break;
                        case 2:
                            back.Receive.ResponseProducer += (uint)random.Next(-2, 4);
                            break;
                        case 3:
                            back.Transmit.ResponseProducer += (uint)random.Next(-2, 4);
                            break;
                        case 4:
                            // Correct indexes, and random data in the entries.
                            back.Receive.Put(Unsafe.BitCast<long, ReceiveResponse>(random.NextInt64()));
                            back.Receive.ResponseProducer++;
                            break;
                        case 5:
                            network.TrySend(NetWorld.Frame(network, new byte[random.Next(14, 20_000)]));
                            break;
                        case 6:
                            back.TakeSentLoosely();
                            break;
                    }

                    if (random.Next(2) == 0)
                    {
                        back.ReceiveChannel.NotifyFront();
                        back.TransmitChannel.NotifyFront();
                    }

                    while (network.TryReceive(out FrameBuffer? frame))
                    {
                        Assert.InRange(frame.Length, 14, FramePool.MaximumCapacity);
                        frame.Dispose();
                    }
                }

                Assert.True(otherBack.TryDeliver(NetWorld.Bytes(seed, 60)));
                Assert.Equal(NetWorld.Bytes(seed, 60), await NetWorld.ReceiveAsync(other));
                back.Unmap();
                await world.Host.RemoveAsync("vif/0");
                await world.BecomesAsync(network, NetworkState.Gone);
            },
            iter: 40,
            threads: 1);
        // An interface is gone before its pages are.
        await world.Host.UntilAsync(() => world.Machine.HeldPages == 0);
    }

    [Fact]
    public void Whatever_the_slots_say_a_frame_is_bounded_and_holds_only_what_their_pages_held()
    {
        Gen<ReceiveResponse> slots = Gen.Select(
            Gen.Frequency((8, Gen.Const(-1)), (1, Gen.Int[0, 0xFFFF])),
            Gen.Frequency((8, Gen.Int[0, 100]), (1, Gen.Int[0, 0xFFFF])),
            Gen.Frequency((8, Gen.Int[0, 15]), (1, Gen.Int[0, 0xFFFF])),
            Gen.Frequency((8, Gen.Int[-2, 4000]), (1, Gen.Int[short.MinValue, short.MaxValue])),
            (id, offset, flags, status) => new ReceiveResponse
            {
                Id = (ushort)(id < 0 ? 3 : id),
                Offset = (ushort)offset,
                Flags = (ushort)flags,
                Status = (short)status,
            });
        byte[] page = new byte[4096];
        page.AsSpan().Fill(0x5A);
        slots.Array[1, 80].Sample(responses =>
        {
            NetworkCounters counters = new();
            FramePool pool = new();
            FrameAssembly<FrameBuffer> assembly = new(pool, counters);

            // The pool has the memory of another frame.
            FrameBuffer old = pool.Rent(FramePool.MaximumCapacity);
            old.Length = old.Capacity;
            old.Data.Fill(0xEE);
            old.Dispose();
            long frames = 0;
            try
            {
                foreach (ReceiveResponse response in responses)
                {
                    using FrameBuffer? frame = assembly.Add(in response, page, 3);
                    if (frame is not null)
                    {
                        frames++;
                        Assert.InRange(frame.Length, 14, FramePool.MaximumCapacity);
                        Assert.Equal(-1, frame.Data.IndexOfAnyExcept((byte)0x5A));
                    }
                }
            }
            catch (BrokenRingException)
            {
            }

            assembly.Abandon();
            Assert.InRange(frames + counters.ReceiveErrors + counters.ReceiveRunts, 0, responses.Length);
        });
    }

    [Fact]
    public async Task Events_without_end_and_without_reason_change_nothing()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        for (int i = 0; i < 5000; i++)
        {
            back.ReceiveChannel.NotifyFront();
            back.TransmitChannel.NotifyFront();
        }

        Assert.True(back.TryDeliver(NetWorld.Bytes(1, 60)));
        Assert.Equal(NetWorld.Bytes(1, 60), await NetWorld.ReceiveAsync(network));
        Assert.True(network.IsUp);
    }

    private static void Deliver(NetBackEnd back, ReceiveResponse response)
    {
        back.TakePage();
        back.Receive.Put(response);
        back.Receive.Publish();
    }

    private static void Chain(NetBackEnd back, int slots, ReceiveResponse response)
    {
        for (int i = 0; i < slots; i++)
        {
            response.Id = back.TakePage().Id;
            back.Receive.Put(response);
        }

        back.Receive.Publish();
    }

    private static void Extra(NetBackEnd back, ExtraInfo extra) => Deliver(back, Unsafe.BitCast<ExtraInfo, ReceiveResponse>(extra));

    private static void WithExtra(NetBackEnd back, ExtraInfo extra)
    {
        Deliver(back, new() { Status = 60, Flags = NetProtocol.ReceiveExtraInfo });
        Extra(back, extra);
    }

    private static void Answer(NetBackEnd back, TransmitResponse response)
    {
        back.Transmit.Put(response);
        back.Transmit.Publish();
    }
}
