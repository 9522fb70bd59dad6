namespace Xenlet.Drivers.Net;

/// <summary>
/// Pools the memory of frames, in three sizes: nearly all frames are ordinary ones, and one that stands for many TCP segments must not make
/// all others large. The pool is bounded; the collector frees the rest.
/// </summary>
internal sealed class FramePool : IFrameMemory<FrameBuffer>
{
    /// <summary>The size of the largest, in bytes: the size of a chain of <see cref="NetProtocol.MaximumReceiveSlots"/> pages.</summary>
    public const int MaximumCapacity = NetProtocol.MaximumReceiveSlots * NetProtocol.PageSize;

    private readonly Shelf[] _shelves = [new(2048, 1024), new(16 * 1024, 64), new(MaximumCapacity, 16)];

    /// <summary>Rents a frame of length 0 that can grow to <paramref name="capacity"/> bytes.</summary>
    public FrameBuffer Rent(int capacity)
    {
        foreach (Shelf shelf in _shelves)
        {
            if (capacity <= shelf.Capacity)
            {
                FrameBuffer frame = shelf.Take() ?? new FrameBuffer(this, shelf.Capacity);
                frame.Begin();
                return frame;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(capacity), capacity, $"A frame has at most {MaximumCapacity} bytes.");
    }

    public void Return(FrameBuffer frame)
    {
        foreach (Shelf shelf in _shelves)
        {
            if (frame.Capacity == shelf.Capacity)
            {
                shelf.Put(frame);
            }
        }
    }

    int IFrameMemory<FrameBuffer>.Capacity(FrameBuffer frame) => frame.Capacity;

    ReadOnlySpan<byte> IFrameMemory<FrameBuffer>.Data(FrameBuffer frame) => frame.Data;

    void IFrameMemory<FrameBuffer>.Return(FrameBuffer frame) => frame.Dispose();

    void IFrameMemory<FrameBuffer>.Append(FrameBuffer frame, ReadOnlySpan<byte> bytes) => frame.Append(bytes);

    void IFrameMemory<FrameBuffer>.Describe(
        FrameBuffer frame, bool isChecksumBlank, bool isChecksumValidated, SegmentKind segmentKind, int segmentSize)
    {
        frame.IsChecksumBlank = isChecksumBlank;
        frame.IsChecksumValidated = isChecksumValidated;
        frame.SegmentKind = segmentKind;
        frame.SegmentSize = segmentSize;
    }

    private sealed class Shelf(int capacity, int limit)
    {
        private readonly Lock _lock = new();
        private readonly Stack<FrameBuffer> _frames = new();

        public int Capacity => capacity;

        public FrameBuffer? Take()
        {
            lock (_lock)
            {
                return _frames.TryPop(out FrameBuffer? frame) ? frame : null;
            }
        }

        public void Put(FrameBuffer frame)
        {
            lock (_lock)
            {
                if (_frames.Count < limit)
                {
                    _frames.Push(frame);
                }
            }
        }
    }
}
