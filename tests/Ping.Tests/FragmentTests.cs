using System.Buffers.Binary;
using CsCheck;

namespace Xenlet.Samples.Tests;

public sealed class FragmentTests
{
    private static readonly Gen<int> Sizes = Gen.OneOf(
        Gen.Int[0, 3000], Gen.Int[0, 65507], Gen.Const(1472), Gen.Const(1473), Gen.Const(65507));

    [Fact]
    public void A_message_of_any_size_comes_back_however_its_fragments_were_ordered_and_repeated() =>
        Gen.Select(Sizes, Gen.Int[1280, 9000], Gen.Bool, Gen.Int).Sample((size, mtu, ipv6, seed) =>
        {
            Exchange us = new(mtu);
            byte[][] request = ipv6 ? Frames.Echo6Of(size, mtu) : Frames.Echo4(size, mtu);
            Random random = new(seed);
            byte[][] given = [.. request];
            random.Shuffle(given);

            // One that comes again comes before the last of all: afterwards it would begin a packet of its own.
            byte[][] repeated = given.Length == 1
                ? given
                : [.. given[..^1].SelectMany(frame => random.Next(3) == 0 ? new[] { frame, frame } : [frame]), given[^1]];
            byte[][] answer = us.GiveAll(repeated);

            byte[] asked = ipv6 ? Frames.Join6(request) : Frames.Join4(request);
            byte[] answered = ipv6 ? Frames.Join6(answer) : Frames.Join4(answer);
            Assert.All(answer, frame => Assert.InRange(frame.Length, 15, 14 + mtu));
            Assert.Equal(request.Length, answer.Length);
            Assert.Equal(ipv6 ? 129 : 0, answered[0]);
            Assert.Equal(asked[4..], answered[4..]);
            if (!ipv6)
            {
                Assert.Equal(0, Frames.Checksum(answered));
            }
        }, iter: 300);

    [Fact]
    public void The_answer_to_a_message_in_fragments_has_the_right_checksum_in_IPv6_too()
    {
        byte[] answer = Frames.Join6(new Exchange().GiveAll(Frames.Echo6Of(5000)));

        Assert.Equal(0, Frames.MessageChecksum6(Frames.Packet6(58, answer)));
    }

    [Fact]
    public void A_damaged_message_in_fragments_is_not_answered()
    {
        byte[][] fragments = Frames.Echo4(4000);
        fragments[1][100] ^= 1;

        Assert.Empty(new Exchange().GiveAll(fragments));
    }

    [Fact]
    public void Fragments_of_several_messages_may_mix()
    {
        byte[][][] messages = [Frames.Echo4(4000, id: 1), Frames.Echo4(4000, id: 2), Frames.Echo4(4000, id: 1, source: "0a000003"),
            Frames.Echo4(4000, id: 4)];

        byte[][] answer = new Exchange().GiveAll(Enumerable.Range(0, 3).SelectMany(part => messages.Select(message => message[part])));

        Assert.Equal(12, answer.Length);
    }

    [Fact]
    public void The_oldest_unfinished_message_gives_way_to_a_fifth()
    {
        Exchange us = new();
        byte[][][] messages = [.. Enumerable.Range(1, 5).Select(id => Frames.Echo4(2000, id: (ushort)id))];
        foreach (byte[][] message in messages)
        {
            us.Now++;
            Assert.Empty(us.Give(message[0]));
        }

        Assert.Equal(2, us.Give(messages[1][1]).Length);
        Assert.Equal(2, us.Give(messages[4][1]).Length);
        Assert.Empty(us.Give(messages[0][1]));
    }

    [Theory]
    [InlineData(30_000, 2)]
    [InlineData(30_001, 0)]
    public void An_unfinished_message_is_forgotten_after_half_a_minute(int wait, int answers)
    {
        Exchange us = new() { Now = 5 };
        byte[][] fragments = Frames.Echo4(2000);
        us.Give(fragments[0]);

        us.Now += wait;

        Assert.Equal(answers, us.Give(fragments[1]).Length);
    }

    [Theory]
    [InlineData(8, 16, true)] // reaches into what is there from before it
    [InlineData(16, 8, true)] // lies within it, with other bytes
    [InlineData(16, 32, true)] // covers it
    [InlineData(24, 16, true)] // begins within it
    [InlineData(24, 3, false)] // says that the end is before the end of it
    public void A_fragment_that_overlaps_another_ends_the_message(int offset, int length, bool more)
    {
        // The message is 48 bytes in three fragments of 16; the middle one comes first, then the odd one.
        byte[] message = Frames.Join4(Frames.Echo4(40));
        byte[][] fragments = [Cut(0, true), Cut(16, true), Cut(32, false)];
        byte[] odd = new byte[length];
        odd.AsSpan().Fill(0xEE);

        Assert.NotEmpty(new Exchange().GiveAll([fragments[1], fragments[0], fragments[2]]));
        Assert.Empty(new Exchange().GiveAll([fragments[1], Frames.Fragment4(odd, offset, more), fragments[0], fragments[2]]));

        byte[] Cut(int start, bool last) => Frames.Fragment4(message.AsSpan(start, 16), start, last);
    }

    [Fact]
    public void Two_different_ends_end_the_message()
    {
        byte[] message = Frames.Join4(Frames.Echo4(40));
        byte[] first = Frames.Fragment4(message.AsSpan(0, 16), 0, true);

        Assert.Empty(new Exchange().GiveAll(
            [Frames.Fragment4(message.AsSpan(32, 16), 32, false), Frames.Fragment4(message.AsSpan(16, 16), 16, false), first,
                Frames.Fragment4(message.AsSpan(16, 16), 16, true)]));
        Assert.Empty(new Exchange().GiveAll(
            [Frames.Fragment4(message.AsSpan(16, 16), 16, false), Frames.Fragment4(message.AsSpan(32, 16), 32, true), first]));
    }

    [Theory]
    [InlineData(0, 9, true)] // only the last may be no multiple of 8
    [InlineData(8, 0, true)]
    [InlineData(8, 0, false)]
    [InlineData(65512, 8, false)] // reaches beyond the longest packet
    [InlineData(65528, 1000, true)]
    public void A_fragment_that_cannot_be_part_of_a_packet_is_passed_over(int offset, int length, bool more)
    {
        byte[][] good = Frames.Echo4(2000);

        Assert.Equal(2, new Exchange().GiveAll([good[0], Frames.Fragment4(new byte[length], offset, more), good[1]]).Length);
    }

    [Fact]
    public void A_message_in_one_IPv6_fragment_stands_alone()
    {
        byte[] message = Frames.Join6(Frames.Echo6Of(20));
        Exchange us = new();
        byte[][] fragments = Frames.Echo6Of(2000);
        us.Give(fragments[0]);

        Assert.Single(us.Give(Frames.Fragment6(message, 0, false)));
        Assert.Equal(2, us.Give(fragments[1]).Length);
    }

    [Fact]
    public void A_solicitation_in_fragments_is_not_answered()
    {
        byte[] solicitation = Frames.Solicitation[54..];

        Assert.Empty(new Exchange().Give(Frames.Fragment6(solicitation, 0, false)));
    }

    [Fact]
    public void Linux_asks_with_fragments_that_are_understood()
    {
        // The second fragments of pings of 1,480 bytes as Linux 6 sent them.
        Assert.True(
            Ipv4Packet.TryRead(Frames.Hex("4500001c 8e4c00b9 4001d7d9 0a000001 0a000002 5a5a5a5a 5a5a5a5a"), out Ipv4Packet packet));
        Assert.Equal((1480, false, 0x8E4C, 8), (packet.Offset, packet.More, packet.Id, packet.Payload.Length));
        Assert.Equal(0x05A8, BinaryPrimitives.ReadUInt16BigEndian(Frames.Echo6Of(1480)[1].AsSpan(56)));
    }
}
