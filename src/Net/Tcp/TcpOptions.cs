using System.Buffers.Binary;

namespace Xenlet.Net.Tcp;

/// <summary>
/// The options of a segment that this stack knows: maximum segment size (RFC 9293), window scale and timestamps (RFC 7323), SACK (RFC
/// 2018). Others are passed over by their length.
/// </summary>
internal struct TcpOptions
{
    /// <summary>Bytes of the timestamps option with the padding before it.</summary>
    public const int TimestampsSize = 12;

    private const byte EndOfOptions = 0;
    private const byte NoOperation = 1;
    private const byte KindMaximumSegmentSize = 2;
    private const byte KindWindowScale = 3;
    private const byte KindSackPermitted = 4;
    private const byte KindSack = 5;
    private const byte KindTimestamps = 8;

    private SackBlocks _sack;

    /// <summary>The largest segment that the sender takes, in bytes of data; 0 when it does not say.</summary>
    public ushort MaximumSegmentSize { get; set; }

    /// <summary>Whether the sender scales windows.</summary>
    public bool HasWindowScale { get; set; }

    /// <summary>By how many bits the sender's windows are shifted.</summary>
    public byte WindowScale { get; set; }

    /// <summary>Whether the sender takes SACK options.</summary>
    public bool IsSackPermitted { get; set; }

    /// <summary>Whether there are timestamps.</summary>
    public bool HasTimestamps { get; set; }

    /// <summary>The sender's clock.</summary>
    public uint TimestampValue { get; set; }

    /// <summary>The last clock of ours that the sender has seen.</summary>
    public uint TimestampEcho { get; set; }

    /// <summary>How many SACK blocks there are.</summary>
    public int SackCount { get; private set; }

    /// <summary>Bytes of the options when written, a multiple of 4.</summary>
    public readonly int Size =>
        (MaximumSegmentSize != 0 ? 4 : 0)
        + (HasWindowScale ? 4 : 0)
        + (HasTimestamps ? TimestampsSize : IsSackPermitted ? 4 : 0)
        + (SackCount != 0 ? 4 + (8 * SackCount) : 0);

    /// <summary>Reads options, of any content: one of a wrong length is passed over, and one that does not fit ends them.</summary>
    /// <param name="bytes">What stands between the fixed header and the data.</param>
    public static TcpOptions Read(ReadOnlySpan<byte> bytes)
    {
        TcpOptions options = default;
        while (!bytes.IsEmpty && bytes[0] != EndOfOptions)
        {
            if (bytes[0] == NoOperation)
            {
                bytes = bytes[1..];
                continue;
            }

            int length = bytes.Length < 2 ? 0 : bytes[1];
            if (length < 2 || length > bytes.Length)
            {
                break;
            }

            options.ReadOne(bytes[0], bytes[2..length]);
            bytes = bytes[length..];
        }

        return options;
    }

    /// <summary>A SACK block; <paramref name="index"/> is below <see cref="SackCount"/>.</summary>
    public readonly SackBlock Sack(int index) => _sack[index];

    /// <summary>Adds a SACK block; nothing when there are four.</summary>
    public void AddSack(SackBlock block)
    {
        if (SackCount < SackBlocks.Length)
        {
            _sack[SackCount++] = block;
        }
    }

    /// <summary>Writes <see cref="Size"/> bytes, each option aligned as RFC 7323, appendix A, has it.</summary>
    public readonly void Write(Span<byte> destination)
    {
        if (MaximumSegmentSize != 0)
        {
            destination[0] = KindMaximumSegmentSize;
            destination[1] = 4;
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], MaximumSegmentSize);
            destination = destination[4..];
        }

        if (HasTimestamps || IsSackPermitted)
        {
            // "SACK permitted" takes the place of the padding before the timestamps.
            destination[0] = IsSackPermitted ? KindSackPermitted : NoOperation;
            destination[1] = IsSackPermitted ? (byte)2 : NoOperation;
            destination[2] = HasTimestamps ? KindTimestamps : NoOperation;
            destination[3] = HasTimestamps ? (byte)10 : NoOperation;
            destination = destination[4..];
        }

        if (HasTimestamps)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, TimestampValue);
            BinaryPrimitives.WriteUInt32BigEndian(destination[4..], TimestampEcho);
            destination = destination[8..];
        }

        if (HasWindowScale)
        {
            destination[0] = NoOperation;
            destination[1] = KindWindowScale;
            destination[2] = 3;
            destination[3] = WindowScale;
            destination = destination[4..];
        }

        if (SackCount != 0)
        {
            destination[0] = NoOperation;
            destination[1] = NoOperation;
            destination[2] = KindSack;
            destination[3] = (byte)(2 + (8 * SackCount));
            for (int i = 0; i < SackCount; i++)
            {
                BinaryPrimitives.WriteUInt32BigEndian(destination[(4 + (8 * i))..], _sack[i].Start.Value);
                BinaryPrimitives.WriteUInt32BigEndian(destination[(8 + (8 * i))..], _sack[i].End.Value);
            }
        }
    }

    private void ReadOne(byte kind, ReadOnlySpan<byte> value)
    {
        switch (kind)
        {
            case KindMaximumSegmentSize when value.Length == 2:
                MaximumSegmentSize = BinaryPrimitives.ReadUInt16BigEndian(value);
                break;
            case KindWindowScale when value.Length == 1:
                HasWindowScale = true;
                WindowScale = value[0];
                break;
            case KindSackPermitted when value.IsEmpty:
                IsSackPermitted = true;
                break;
            case KindTimestamps when value.Length == 8:
                HasTimestamps = true;
                TimestampValue = BinaryPrimitives.ReadUInt32BigEndian(value);
                TimestampEcho = BinaryPrimitives.ReadUInt32BigEndian(value[4..]);
                break;
            case KindSack when value.Length is > 0 and <= 8 * SackBlocks.Length && value.Length % 8 == 0:
                SackCount = 0;
                for (; !value.IsEmpty; value = value[8..])
                {
                    AddSack(new SackBlock(
                        new SequenceNumber(BinaryPrimitives.ReadUInt32BigEndian(value)),
                        new SequenceNumber(BinaryPrimitives.ReadUInt32BigEndian(value[4..]))));
                }

                break;
        }
    }
}
