namespace Xenlet.Net.Tcp;

/// <summary>
/// A sequence number of TCP: 32 bits that wrap (RFC 9293, section 3.4). Two are compared by their distance, which is right as long as they
/// are less than 2^31 apart.
/// </summary>
internal readonly record struct SequenceNumber(uint Value)
{
    public static SequenceNumber operator +(SequenceNumber number, int count) => new(number.Value + (uint)count);

    public static SequenceNumber operator -(SequenceNumber number, int count) => new(number.Value - (uint)count);

    /// <summary>The distance from <paramref name="right"/> to <paramref name="left"/>, negative when the left one comes first.</summary>
    public static int operator -(SequenceNumber left, SequenceNumber right) => (int)(left.Value - right.Value);

    public static bool operator <(SequenceNumber left, SequenceNumber right) => left - right < 0;

    public static bool operator >(SequenceNumber left, SequenceNumber right) => left - right > 0;

    public static bool operator <=(SequenceNumber left, SequenceNumber right) => left - right <= 0;

    public static bool operator >=(SequenceNumber left, SequenceNumber right) => left - right >= 0;

    public static SequenceNumber Max(SequenceNumber left, SequenceNumber right) => left > right ? left : right;

    public static SequenceNumber Min(SequenceNumber left, SequenceNumber right) => left < right ? left : right;
}
