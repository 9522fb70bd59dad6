using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>A frame that is to be sent, whoever owns its memory.</summary>
internal readonly ref struct OutgoingFrame
{
    private OutgoingFrame(Span<byte> data) => Data = data;

    /// <summary>The frame's bytes. A checksum that the back end does not complete is written there.</summary>
    public Span<byte> Data { get; }

    public int Length => Data.Length;

    /// <inheritdoc cref="FrameBuffer.IsChecksumBlank"/>
    public bool IsChecksumBlank { get; private init; }

    /// <inheritdoc cref="FrameBuffer.IsChecksumValidated"/>
    public bool IsChecksumValidated { get; private init; }

    /// <inheritdoc cref="FrameBuffer.SegmentKind"/>
    public SegmentKind SegmentKind { get; private init; }

    /// <inheritdoc cref="FrameBuffer.SegmentSize"/>
    public int SegmentSize { get; private init; }

    public static OutgoingFrame Of(FrameBuffer frame) => new(frame.Data)
    {
        IsChecksumBlank = frame.IsChecksumBlank,
        IsChecksumValidated = frame.IsChecksumValidated,
        SegmentKind = frame.SegmentKind,
        SegmentSize = frame.SegmentSize,
    };

    public static OutgoingFrame Of(PacketBuffer frame)
    {
        PacketOffload offload = frame.Offload;
        SegmentKind kind = offload.SegmentSize == 0 ? SegmentKind.None
            : InternetChecksum.IsIPv6(frame.Data) ? SegmentKind.TcpV6 : SegmentKind.TcpV4;
        return new(frame.Data)
        {
            IsChecksumBlank = offload.IsChecksumPartial,
            IsChecksumValidated = offload.IsChecksumVerified,
            SegmentKind = kind,
            SegmentSize = offload.SegmentSize,
        };
    }
}
