using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.Drivers.Tests;

/// <summary>Large frames, of which a link lends the pages: their data is copied once, to where the stack wants it.</summary>
public sealed class LentFrameTests
{
    private const int Length = 30_000;
    private const int Changed = 20_000;

    private static readonly byte[] s_data = NetWorld.Bytes(1, Length);

    /// <summary>The data with the byte that the back end changes after it has delivered the frame.</summary>
    private static readonly byte[] s_changed = [.. s_data[..Changed], (byte)~s_data[Changed], .. s_data[(Changed + 1)..]];

    [Fact]
    public async Task The_data_of_a_large_frame_stays_in_its_pages_which_the_back_end_gets_when_the_next_frame_is_asked_for()
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync();
        byte[] page = Deliver(back);
        uint pages = back.Receive.RequestProducer;
        PacketBuffer frame = Receive(thread);
        page[Changed % ISharedPage.Size] ^= 0xFF;
        TestReceiver receiver = new();
        Assert.True(frame.Lend(14, Length - 14, receiver));
        Assert.Equal(s_changed[14..], receiver.Received);
        Assert.True(frame.Lend(Changed, 5, receiver));
        Assert.Equal(s_changed[Changed..(Changed + 5)], receiver.Received);
        Assert.Equal(pages, back.Receive.RequestProducer);

        // Who has kept the frame has a copy from then on.
        Assert.Null(thread.Link.TryReceive(thread.Pool));
        Assert.True(thread.Link.TryRest());
        Assert.Equal(pages + 8, back.Receive.RequestProducer);
        page[Changed % ISharedPage.Size] ^= 0xFF;
        Assert.Equal(s_changed, frame.Data.ToArray());
        frame.Return();
        Assert.Equal(0, thread.Pool.Rented);
    }

    [Fact]
    public async Task What_looks_at_the_data_looks_at_a_copy_that_the_back_end_cannot_change()
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync();
        byte[] page = Deliver(back);
        PacketBuffer frame = Receive(thread);
        Assert.Equal(s_data, frame.Data.ToArray());
        page[Changed % ISharedPage.Size] ^= 0xFF;
        TestReceiver receiver = new();
        Assert.True(frame.Lend(0, Length, receiver));
        Assert.Equal(s_data, receiver.Received);
        frame.Return();
    }

    [Fact]
    public async Task A_frame_outlives_the_connection_whose_pages_it_has()
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        byte[] page = Deliver(back);
        PacketBuffer frame = Receive(thread);
        await back.SetStateAsync(XenBus.XenBusState.Closing);
        await world.BecomesAsync(network, NetworkState.Closed);
        back.Unmap();
        await world.NothingIsLeftAsync();
        page.AsSpan().Clear();
        TestReceiver receiver = new();
        Assert.True(frame.Lend(Changed, 10, receiver));
        Assert.Equal(s_data[Changed..(Changed + 10)], receiver.Received);
        Assert.Equal(s_data, frame.Data.ToArray());
        frame.Return();
    }

    /// <summary>Delivers the frame, and gives the page in which the changed byte is.</summary>
    private static byte[] Deliver(NetBackEnd back)
    {
        byte[] changed = [];
        for (int start = 0; start < Length; start += ISharedPage.Size)
        {
            ReceiveRequest request = back.TakePage();
            byte[] page = back.Page(request.Reference);
            int count = Math.Min(Length - start, ISharedPage.Size);
            s_data.AsSpan(start, count).CopyTo(page);
            bool isLast = start + count == Length;
            ushort flags = (ushort)(NetProtocol.ReceiveDataValidated | (isLast ? 0 : NetProtocol.ReceiveMoreData));
            back.Receive.Put(new() { Id = request.Id, Status = (short)count, Flags = flags });
            changed = start / ISharedPage.Size == Changed / ISharedPage.Size ? page : changed;
        }

        back.PublishReceived();
        return changed;
    }

    private static PacketBuffer Receive(LinkThread thread)
    {
        PacketBuffer? frame = thread.Link.TryReceive(thread.Pool);
        Assert.NotNull(frame);
        Assert.Equal(Length, frame.Length);
        return frame;
    }

    private sealed class TestReceiver : IPieceReceiver
    {
        public byte[] Received { get; private set; } = [];

        public bool TryReceive(ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
        {
            List<byte> all = [];
            foreach (ReadOnlyMemory<byte> piece in pieces)
            {
                all.AddRange(piece.Span);
            }

            Received = [.. all];
            return true;
        }
    }
}
