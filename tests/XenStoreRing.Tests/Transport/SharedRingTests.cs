using CsCheck;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests.Transport;

public class SharedRingTests
{
    private static readonly Gen<uint> Index = Gen.OneOf(Gen.UInt, Gen.UInt[0, 2048], Gen.UInt[uint.MaxValue - 2048, uint.MaxValue]);

    [Fact]
    public void Bytes_lie_where_the_header_of_Xen_says()
    {
        using TestRing ring = new(requestIndex: 1022, replyIndex: 5);
        SharedRing client = new(ring.Address, RingSide.Client);
        client.Attach();
        Assert.Equal(4, client.Write([1, 2, 3, 4], out _));

        Assert.Equal([1, 2], ring.Bytes[1022..1024].ToArray());
        Assert.Equal([3, 4], ring.Bytes[..2].ToArray());
        Assert.Equal(1026u, ring[2052]);
        Assert.Equal(1022u, ring[2048]);

        ring.Bytes[1024 + 5] = 9;
        ring[2060] = 6;
        byte[] read = new byte[8];
        Assert.Equal(1, client.Read(read, out _));
        Assert.Equal(9, read[0]);
        Assert.Equal(6u, ring[2056]);
    }

    [Fact]
    public void Any_bytes_in_any_pieces_from_any_index_arrive_in_order() =>
        Gen.Select(Index, Index, Gen.Byte.Array[1, 6000], Gen.Int[1, 1500].Array[1, 20], Gen.Int[1, 1500].Array[1, 20]).Sample(
            (requestIndex, replyIndex, data, writes, reads) =>
            {
                using TestRing ring = new(requestIndex, replyIndex);
                SharedRing client = new(ring.Address, RingSide.Client);
                SharedRing server = new(ring.Address, RingSide.Server);
                client.Attach();
                server.AttachKeeping();
                CheckDirection(client, server, data, writes, reads);
                CheckDirection(server, client, data, writes, reads);
            },
            iter: 500);

    [Fact]
    public void A_message_of_every_size_crosses_the_wrap_of_the_index_at_every_byte()
    {
        byte[] data = [.. Enumerable.Range(0, 40).Select(value => (byte)value)];
        for (int before = 0; before <= data.Length; before++)
        {
            using TestRing ring = new(requestIndex: (uint)-before);
            SharedRing client = new(ring.Address, RingSide.Client);
            SharedRing server = new(ring.Address, RingSide.Server);
            client.Attach();
            server.AttachKeeping();
            byte[] read = new byte[64];

            Assert.Equal(data.Length, client.Write(data, out bool notify));
            Assert.True(notify);
            Assert.Equal(data.Length, server.Read(read, out _));
            Assert.Equal(data, read[..data.Length]);
            Assert.Equal((uint)(data.Length - before), ring[RingLayout.RequestProducer]);
        }
    }

    [Fact]
    public void The_other_side_is_notified_only_when_it_may_be_asleep()
    {
        using TestRing ring = new();
        SharedRing client = new(ring.Address, RingSide.Client);
        SharedRing server = new(ring.Address, RingSide.Server);
        client.Attach();
        server.AttachKeeping();
        byte[] buffer = new byte[RingLayout.XENSTORE_RING_SIZE];

        client.Write(new byte[10], out bool notify);
        Assert.True(notify, "an empty ring: the server may be asleep");
        client.Write(new byte[10], out notify);
        Assert.False(notify, "bytes it has not read yet: it looks again before it sleeps");
        server.Read(buffer.AsSpan(0, 10), out notify);
        Assert.False(notify, "there was room all the time");
        client.Write(new byte[10], out notify);
        Assert.False(notify, "it has not come to what it was told of before");
        server.Read(buffer, out notify);
        client.Write(buffer, out notify);
        Assert.True(notify, "empty again");
        server.Read(buffer.AsSpan(0, 1), out notify);
        Assert.True(notify, "the ring was full: the client may be waiting for room");
        server.Read(buffer.AsSpan(0, 1), out notify);
        Assert.False(notify, "it was not full any more");
    }

    [Theory]
    [InlineData(RingLayout.ReplyProducer, 1025u, "rsp_prod is 0x401, rsp_cons 0x0")]
    [InlineData(RingLayout.ReplyProducer, 0xffffffffu, "rsp_prod is 0xffffffff, rsp_cons 0x0")]
    [InlineData(RingLayout.RequestConsumer, 1u, "req_prod is 0x0, req_cons 0x1")]
    [InlineData(RingLayout.RequestConsumer, 0xfffffbffu, "which is 1025 bytes in a ring of 1024")]
    [InlineData(RingLayout.RequestProducer, 4u, "req_prod is 0x4, and was 0x0")]
    [InlineData(RingLayout.ReplyConsumer, 4u, "rsp_cons is 0x4, and was 0x0")]
    public void An_index_that_cannot_be_is_a_fault_and_stays_one(int offset, uint value, string message)
    {
        using TestRing ring = new();
        SharedRing client = new(ring.Address, RingSide.Client);
        client.Attach();
        ring[offset] = value;

        Assert.Contains(message, Assert.Throws<XenStoreException>(client.CheckIndexes).Message, StringComparison.Ordinal);
        ring[offset] = 0;
        Assert.Throws<XenStoreException>(() => client.Read(new byte[10], out _));
        Assert.Throws<XenStoreException>(() => client.Write(new byte[10], out _));
        Assert.Equal(0u, ring[RingLayout.RequestProducer]);
        Assert.Equal(0u, ring[RingLayout.ReplyConsumer]);
    }

    [Fact]
    public void What_was_meant_for_a_predecessor_is_thrown_away()
    {
        using TestRing ring = new(requestIndex: 70, replyIndex: 0xfffffff0);
        ring[RingLayout.ReplyProducer] = 0x20;
        SharedRing client = new(ring.Address, RingSide.Client);
        client.Attach();
        Assert.Equal(0x20u, ring[RingLayout.ReplyConsumer]);
        Assert.Equal(0, client.Read(new byte[10], out _));
    }

    [Fact]
    public void Two_threads_lose_no_byte_and_no_wake_up()
    {
        using TestRing ring = new(uint.MaxValue - 5000, uint.MaxValue - 3000);
        SharedRing producer = new(ring.Address, RingSide.Client);
        SharedRing consumer = new(ring.Address, RingSide.Server);
        producer.Attach();
        consumer.AttachKeeping();
        const int Total = 400_000;
        using SemaphoreSlim data = new(0);
        using SemaphoreSlim room = new(0);
        Thread writer = new(() =>
        {
            byte[] piece = new byte[700];
            for (int sent = 0; sent < Total;)
            {
                int length = Math.Min(1 + ((sent * 31) % piece.Length), Total - sent);
                for (int i = 0; i < length; i++)
                {
                    piece[i] = (byte)((sent + i) * 7);
                }

                int count = producer.Write(piece.AsSpan(0, length), out bool notify);
                if (notify)
                {
                    data.Release();
                }

                if (count == 0 && !room.Wait(10_000))
                {
                    // Then the reader misses bytes, and reports it.
                    return;
                }

                sent += count;
            }
        });
        Exception? failure = null;
        Thread guarded = new(() =>
        {
            try
            {
                writer.Start();
                byte[] piece = new byte[300];
                for (int read = 0; read < Total;)
                {
                    int count = consumer.Read(piece, out bool notify);
                    if (notify)
                    {
                        room.Release();
                    }

                    if (count == 0)
                    {
                        Assert.True(data.Wait(10_000), $"The producer's notification is missing at byte {read}.");
                    }

                    for (int i = 0; i < count; i++, read++)
                    {
                        Assert.Equal((byte)(read * 7), piece[i]);
                    }
                }
            }
            catch (Exception caught)
            {
                failure = caught;
            }
        });
        guarded.Start();
        Assert.True(guarded.Join(60_000));
        Assert.Null(failure);
        writer.Join();
    }

    private static void CheckDirection(SharedRing from, SharedRing to, byte[] data, int[] writes, int[] reads)
    {
        List<byte> arrived = [];
        byte[] buffer = new byte[1500];
        int sent = 0;
        for (int i = 0; arrived.Count < data.Length; i++)
        {
            int length = Math.Min(writes[i % writes.Length], data.Length - sent);
            sent += from.Write(data.AsSpan(sent, length), out _);
            int count = to.Read(buffer.AsSpan(0, reads[i % reads.Length]), out _);
            arrived.AddRange(buffer.AsSpan(0, count));
        }

        Assert.Equal(data, arrived);
    }
}
