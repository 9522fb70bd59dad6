using CsCheck;

namespace Xenlet.XenStoreRing.Tests.Wire;

public class XenStoreMessageBufferTests
{
    private static readonly Gen<Message> AnyMessage =
        from type in Gen.UInt[0, 30]
        from id in Gen.UInt
        from transaction in Gen.UInt
        from body in Gen.OneOf(
            Gen.Byte.Array[0, 40], Gen.Byte.Array[0, XenStoreLimits.MaxPayload], Gen.Const(new byte[XenStoreLimits.MaxPayload]))
        select new Message(new((XenStoreMessageType)type, id, transaction, (uint)body.Length), body);

    [Fact]
    public void Messages_arrive_whole_however_the_stream_is_cut() =>
        Gen.Select(AnyMessage.Array[1, 6], Gen.Int[1, 5000].Array[1, 50]).Sample(
            (messages, cuts) =>
            {
                byte[] stream = [.. messages.SelectMany(message => message.Reply(message.Body))];
                XenStoreMessageBuffer buffer = new();
                List<Message> arrived = [];
                int sent = 0;
                for (int i = 0; sent < stream.Length; i++)
                {
                    Memory<byte> free = buffer.GetFree();
                    int count = Math.Min(Math.Min(cuts[i % cuts.Length], free.Length), stream.Length - sent);
                    stream.AsSpan(sent, count).CopyTo(free.Span);
                    buffer.Advance(count);
                    sent += count;
                    while (buffer.TryTake(out XenStoreHeader header, out ReadOnlySpan<byte> body))
                    {
                        arrived.Add(new(header, body.ToArray()));
                    }
                }

                Assert.Equal(0, buffer.Count);
                Assert.Equal(messages.Length, arrived.Count);
                for (int i = 0; i < messages.Length; i++)
                {
                    Assert.Equal(messages[i].Header, arrived[i].Header);
                    Assert.Equal(messages[i].Body, arrived[i].Body);
                }
            },
            iter: 300);

    [Theory]
    [InlineData(4097)]
    [InlineData(uint.MaxValue)]
    public void A_message_that_is_too_long_is_refused_at_its_header(uint length)
    {
        XenStoreMessageBuffer buffer = new();
        new XenStoreHeader(XenStoreMessageType.Read, 7, 0, length).Write(buffer.GetFree().Span);
        buffer.Advance(XenStoreHeader.Size);

        XenStoreException error = Assert.Throws<XenStoreException>(() => buffer.TryTake(out _, out _));
        Assert.Equal(XenStoreError.ProtocolViolation, error.Error);
        Assert.Contains($"{length} bytes (READ, request 7)", error.Message, StringComparison.Ordinal);
    }
}
