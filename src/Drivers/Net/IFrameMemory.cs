namespace Xenlet.Drivers.Net;

/// <summary>Where received frames are put together: the program's <see cref="FrameBuffer"/>s, or the packets of a TCP/IP stack.</summary>
/// <typeparam name="TFrame">A frame's memory.</typeparam>
internal interface IFrameMemory<TFrame>
    where TFrame : class
{
    /// <summary>A frame of no bytes that can grow to <paramref name="capacity"/>.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it.</exception>
    TFrame Rent(int capacity);

    /// <summary>Takes a frame back that nobody has seen.</summary>
    void Return(TFrame frame);

    /// <summary>Most bytes that the frame can hold.</summary>
    int Capacity(TFrame frame);

    /// <summary>The bytes that it holds.</summary>
    ReadOnlySpan<byte> Data(TFrame frame);

    /// <summary>Adds bytes at the end; there is room for them.</summary>
    void Append(TFrame frame, ReadOnlySpan<byte> bytes);

    /// <summary>Adds bytes at the end that lie in a page of the ring; there is room for them.</summary>
    void Append(TFrame frame, ReadOnlyMemory<byte> bytes) => Append(frame, bytes.Span);

    /// <summary>Notes what the back end has said of a whole frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="isChecksumBlank">Its checksum of TCP or UDP is not done, since it was on no wire.</param>
    /// <param name="isChecksumValidated">Its checksum is known to be right.</param>
    /// <param name="segmentKind">What it was put together from.</param>
    /// <param name="segmentSize">Bytes of data of each segment; 0 for a frame that stands for itself.</param>
    void Describe(TFrame frame, bool isChecksumBlank, bool isChecksumValidated, SegmentKind segmentKind, int segmentSize);
}
