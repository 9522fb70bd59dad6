using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp;

public sealed class TcpWireTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(uint.MaxValue, 0)]
    [InlineData(0xFFFF_FFF0, 0x10)]
    [InlineData(0x7FFF_FFFF, 0x8000_0000)]
    [InlineData(5, 0x8000_0004)]
    public void A_sequence_number_comes_before_those_up_to_half_the_circle_behind_it(uint first, uint second)
    {
        SequenceNumber one = new(first);
        SequenceNumber other = new(second);

        Assert.True(one < other && one <= other && other > one && other >= one);
        Assert.Equal(other, one + (other - one));
        Assert.Equal(one, other - (other - one));
        Assert.Equal(other, SequenceNumber.Max(one, other));
        Assert.Equal(one, SequenceNumber.Min(one, other));
    }

    [Fact]
    public void A_header_is_read_as_it_was_written()
    {
        TcpHeader header = new(
            80, 40_000, new SequenceNumber(0x0102_0304), new SequenceNumber(0xF0F1_F2F3), TcpFlags.Psh | TcpFlags.Ack, 0x1234, 7, 24);
        byte[] bytes = new byte[24];

        header.Write(bytes);

        Assert.True(TcpHeader.TryRead(bytes, out TcpHeader read));
        Assert.Equal(header, read);
        Assert.Equal("00509C4001020304F0F1F2F36018123400000007", Convert.ToHexString(bytes, 0, 20));
    }

    [Theory]
    [InlineData(0, 0x50)]
    [InlineData(19, 0x50)]
    [InlineData(20, 0x40)]
    [InlineData(20, 0x60)]
    [InlineData(59, 0xF0)]
    public void Bytes_that_hold_less_than_a_header_says_are_refused(int length, byte offset)
    {
        byte[] bytes = new byte[64];
        bytes[12] = offset;

        Assert.False(TcpHeader.TryRead(bytes.AsSpan(0, length), out _));
    }

    [Theory]
    [InlineData("", 0, -1, false, false, 0)]
    [InlineData("020405B4", 1460, -1, false, false, 0)]
    [InlineData("020405B40402080A0000000100000002", 1460, -1, true, true, 0)]
    [InlineData("01030307", 0, 7, false, false, 0)]
    [InlineData("010303FF", 0, 255, false, false, 0)]
    [InlineData("0101050A0000000100000002", 0, -1, false, false, 1)]
    // Behind the end of the options nothing counts.
    [InlineData("00020405B4", 0, -1, false, false, 0)]
    // A length of 0 or 1, one beyond the header, and a kind without a length end the options.
    [InlineData("1E000204", 0, -1, false, false, 0)]
    [InlineData("0201", 0, -1, false, false, 0)]
    [InlineData("0204", 0, -1, false, false, 0)]
    [InlineData("01010102", 0, -1, false, false, 0)]
    [InlineData("FEFF0402", 0, -1, false, false, 0)]
    // A wrong length of a known kind: that option is passed over, the next one counts.
    [InlineData("0203050402", 0, -1, true, false, 0)]
    [InlineData("0305010203020405B4", 1460, -1, false, false, 0)]
    [InlineData("0506000000010402", 0, -1, true, false, 0)]
    [InlineData("05020402", 0, -1, true, false, 0)]
    // An unknown kind is passed over by its length.
    [InlineData("FE0412340402", 0, -1, true, false, 0)]
    public void Options_of_any_content_are_read(string bytes, int size, int scale, bool isSackPermitted, bool hasTimestamps, int blocks)
    {
        TcpOptions options = TcpOptions.Read(Convert.FromHexString(bytes));

        Assert.Equal(size, options.MaximumSegmentSize);
        Assert.Equal(scale, options.HasWindowScale ? options.WindowScale : -1);
        Assert.Equal(isSackPermitted, options.IsSackPermitted);
        Assert.Equal(hasTimestamps, options.HasTimestamps);
        Assert.Equal(blocks, options.SackCount);
    }

    [Fact]
    public void No_random_options_are_read_beyond_their_end()
    {
        Random random = new(1);
        byte[] bytes = new byte[40];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            TcpOptions options = TcpOptions.Read(bytes.AsSpan(0, random.Next(bytes.Length + 1)));
            Assert.InRange(options.SackCount, 0, SackBlocks.Length);
        }
    }

    [Theory]
    [InlineData(1460, 7, true, true, 0, 20)]
    [InlineData(1460, -1, true, false, 0, 8)]
    [InlineData(1460, 0, false, false, 0, 8)]
    [InlineData(0, -1, false, true, 0, 12)]
    [InlineData(0, -1, false, true, 3, 40)]
    [InlineData(0, -1, false, false, 4, 36)]
    public void Options_are_read_as_they_were_written(int size, int scale, bool isSackPermitted, bool hasTimestamps, int blocks, int length)
    {
        TcpOptions options = new()
        {
            MaximumSegmentSize = (ushort)size,
            HasWindowScale = scale >= 0,
            WindowScale = (byte)Math.Max(scale, 0),
            IsSackPermitted = isSackPermitted,
            HasTimestamps = hasTimestamps,
            TimestampValue = hasTimestamps ? 0x0102_0304u : 0,
            TimestampEcho = hasTimestamps ? 0xF506_0708u : 0,
        };
        for (int i = 0; i < blocks; i++)
        {
            options.AddSack(new SackBlock(new SequenceNumber((uint)(1_000 * i)), new SequenceNumber((uint)(1_000 * i) + 500)));
        }

        byte[] bytes = new byte[options.Size];
        options.Write(bytes);

        Assert.Equal(length, bytes.Length);
        Assert.Equal(options, TcpOptions.Read(bytes), (left, right) =>
            left.MaximumSegmentSize == right.MaximumSegmentSize
            && left.HasWindowScale == right.HasWindowScale
            && left.WindowScale == right.WindowScale
            && left.IsSackPermitted == right.IsSackPermitted
            && left.HasTimestamps == right.HasTimestamps
            && left.TimestampValue == right.TimestampValue
            && left.TimestampEcho == right.TimestampEcho
            && Enumerable.Range(0, blocks).All(index => left.Sack(index) == right.Sack(index)));
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2")]
    [InlineData("2001:db8::1", "2001:db8::2")]
    public void A_checksum_covers_the_addresses_and_every_byte(string source, string destination)
    {
        InternetAddress from = InternetAddress.From(System.Net.IPAddress.Parse(source));
        InternetAddress to = InternetAddress.From(System.Net.IPAddress.Parse(destination));
        byte[] segment = new byte[33];
        new Random(2).NextBytes(segment);
        segment[TcpHeader.ChecksumOffset] = segment[TcpHeader.ChecksumOffset + 1] = 0;
        ushort pseudo = TcpChecksum.OfPseudoHeader(from, to, segment.Length);
        ushort sum = InternetChecksum.Of(InternetChecksum.Add(segment, pseudo));
        segment[TcpHeader.ChecksumOffset] = (byte)(sum >> 8);
        segment[TcpHeader.ChecksumOffset + 1] = (byte)sum;

        Assert.True(TcpChecksum.IsRight(from, to, segment));
        Assert.False(TcpChecksum.IsRight(from, from, segment));
        for (int i = 0; i < segment.Length; i++)
        {
            segment[i] ^= 1;
            Assert.False(TcpChecksum.IsRight(from, to, segment), $"byte {i}");
            segment[i] ^= 1;
        }
    }
}
