using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>
/// What a SYN says, kept in the answer's sequence number and timestamp in place of memory (RFC 4987, section 3.6). An acknowledgment that
/// gives them back within two minutes opens the connection.
/// </summary>
internal sealed class SynCookies(KeyedHash hash, IStackClock clock)
{
    private const long Period = 64 * StackTime.Second;
    private const int CounterShift = 27;
    private const uint CounterMask = 31;
    private const int SizeShift = 24;
    private const uint SizeMask = 7;
    private const uint HashMask = (1 << SizeShift) - 1;
    private const uint OptionsMask = 31;
    private const uint NoScale = 15;
    private const uint SackBit = 16;

    private static readonly ushort[] Sizes = [216, 536, 1_024, 1_220, 1_360, 1_440, 1_460, 8_960];

    private uint Counter => (uint)(clock.Now / Period);

    /// <summary>The sequence number of an answer.</summary>
    public SequenceNumber Make(in Flow flow, SequenceNumber remote, ushort segmentSize)
    {
        uint index = 0;
        while (index < SizeMask && Sizes[index + 1] <= segmentSize)
        {
            index++;
        }

        uint counter = Counter;
        uint plain = ((counter & CounterMask) << CounterShift) | (index << SizeShift) | HashOf(flow, remote, counter, index);
        return new SequenceNumber(plain + Mask(flow));
    }

    /// <summary>Reads the segment size back; false when the number was not made here, or long ago.</summary>
    public bool TryRead(in Flow flow, SequenceNumber remote, SequenceNumber cookie, out ushort segmentSize)
    {
        uint plain = cookie.Value - Mask(flow);
        uint index = (plain >> SizeShift) & SizeMask;
        uint now = Counter;
        uint age = (now - (plain >> CounterShift)) & CounterMask;
        segmentSize = Sizes[index];
        return age <= 1 && (plain & HashMask) == HashOf(flow, remote, now - age, index);
    }

    /// <summary>A timestamp that tells the peer's window scale and SACK, a little earlier than it should be.</summary>
    public static uint MakeTimestamp(uint now, in TcpOptions options)
    {
        uint scale = options.HasWindowScale ? Math.Min(options.WindowScale, NoScale - 1u) : NoScale;
        uint bits = scale | (options.IsSackPermitted ? SackBit : 0);
        return (now & ~OptionsMask) - (OptionsMask + 1) + bits;
    }

    /// <summary>Reads the options back from the timestamp that the peer echoes.</summary>
    public static void ReadTimestamp(uint echo, ref TcpOptions options)
    {
        uint scale = echo & NoScale;
        options.HasWindowScale = scale != NoScale;
        options.WindowScale = options.HasWindowScale ? (byte)scale : (byte)0;
        options.IsSackPermitted = (echo & SackBit) != 0;
    }

    private uint Mask(in Flow flow) => (uint)(hash.Of(flow, 0x5359_4E31) >> 32);

    private uint HashOf(in Flow flow, SequenceNumber remote, uint counter, uint index) =>
        (uint)hash.Of(flow, remote.Value, (counter << 3) | index) & HashMask;
}
