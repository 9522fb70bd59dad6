using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>A frame that is to be sent, whoever owns its memory.</summary>
internal readonly ref struct OutgoingFrame
{
    private readonly Span<byte> _data;

    // A packet, whose last bytes may lie elsewhere.
    private readonly PacketBuffer? _packet;

    private OutgoingFrame(Span<byte> data) => _data = data;

    private OutgoingFrame(PacketBuffer packet) => _packet = packet;

    /// <summary>The frame's bytes. A checksum that the back end does not complete is written there.</summary>
    public Span<byte> Data => _packet is null ? _data : _packet.Data;

    /// <summary>The frame's first bytes, with all of its headers.</summary>
    public ReadOnlySpan<byte> Head => _packet is null ? _data : _packet.Head;

    public int Length => _packet is null ? _data.Length : _packet.Length;

    /// <inheritdoc cref="FrameBuffer.IsChecksumBlank"/>
    public bool IsChecksumBlank { get; private init; }

    /// <inheritdoc cref="FrameBuffer.IsChecksumValidated"/>
    public bool IsChecksumValidated { get; private init; }

    /// <inheritdoc cref="FrameBuffer.SegmentKind"/>
    public SegmentKind SegmentKind { get; private init; }

    /// <inheritdoc cref="FrameBuffer.SegmentSize"/>
    public int SegmentSize { get; private init; }

    /// <summary>Copies the frame's bytes from a position on.</summary>
    public void CopyTo(int position, Span<byte> destination)
    {
        if (_packet is null)
        {
            _data.Slice(position, destination.Length).CopyTo(destination);
        }
        else
        {
            _packet.CopyTo(position, destination);
        }
    }

    /// <summary>Copies the whole frame to several places one after the other, which together are as long as it is.</summary>
    /// <param name="destinations">The places. What they are afterwards does not matter.</param>
    public void CopyTo(Span<Memory<byte>> destinations)
    {
        if (_packet is not null)
        {
            _packet.CopyTo(destinations);
            return;
        }

        int position = 0;
        foreach (Memory<byte> destination in destinations)
        {
            CopyTo(position, destination.Span);
            position += destination.Length;
        }
    }

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
            : InternetChecksum.IsIPv6(frame.Head) ? SegmentKind.TcpV6 : SegmentKind.TcpV4;
        return new(frame)
        {
            IsChecksumBlank = offload.IsChecksumPartial,
            IsChecksumValidated = offload.IsChecksumVerified,
            SegmentKind = kind,
            SegmentSize = offload.SegmentSize,
        };
    }
}
