using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// The ring page of a xenstored that writes any index at any time: what is read and written stays within ring and buffer.
/// </summary>
internal static class XenStoreRings
{
    private const byte Guard = 0xA5;

    private static readonly int[] Words =
    [
        RingLayout.ReplyProducer, RingLayout.RequestConsumer, RingLayout.ReplyConsumer, RingLayout.RequestProducer, RingLayout.Connection,
        RingLayout.Error, RingLayout.ServerFeatures,
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        using TestRing ring = new(script.UInt32(), script.UInt32());
        SharedRing client = new(ring.Address, RingSide.Client);
        try
        {
            if (script.Below(2) == 0)
            {
                client.Attach();
            }
            else
            {
                client.AttachKeeping();
            }

            while (!script.AtEnd)
            {
                Step(script, ring, client);
            }
        }
        catch (XenStoreException)
        {
            // The ring reports that it is broken, and must keep reporting it.
            Assert.Throws<XenStoreException>(() => client.Read(new byte[1], out _));
            Assert.Throws<XenStoreException>(() => client.Write(new byte[1], out _));
            Assert.Throws<XenStoreException>(client.CheckIndexes);
        }
    }

    private static void Step(Script script, TestRing ring, SharedRing client)
    {
        Span<byte> buffer = stackalloc byte[1600];
        buffer.Fill(Guard);
        switch (script.Below(4))
        {
            case 0:
                int word = Words[script.Below(Words.Length)];
                ring[word] = script.Near(ring[word]);
                break;
            case 1:
                uint before = ring[RingLayout.RequestProducer];
                int written = client.Write(buffer[..script.Below(1500)], out _);
                Assert.InRange(written, 0, RingLayout.XENSTORE_RING_SIZE);
                Assert.Equal(before + (uint)written, ring[RingLayout.RequestProducer]);
                break;
            case 2:
                int length = script.Below(1500);
                ring.Bytes[RingLayout.Replies..RingLayout.RequestConsumer].Fill(1);
                int read = client.Read(buffer[..length], out _);
                Assert.InRange(read, 0, Math.Min(length, RingLayout.XENSTORE_RING_SIZE));
                Assert.Equal(-1, buffer[..read].IndexOfAnyExcept((byte)1));
                Assert.Equal(-1, buffer[read..].IndexOfAnyExcept(Guard));
                break;
            default:
                client.CheckIndexes();
                Assert.InRange(client.Space, 0, RingLayout.XENSTORE_RING_SIZE);
                break;
        }
    }
}
