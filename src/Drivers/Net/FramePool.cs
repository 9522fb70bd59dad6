namespace Xenlet.Drivers.Net;

/// <summary>
/// Frames' memory that is used again, in three sizes: nearly every frame is an ordinary one, and one that stands for many TCP segments must
/// not make all others large. What is kept is bounded; beyond it the collector takes it.
/// </summary>
internal sealed class FramePool : IFrameMemory<FrameBuffer>
{
    /// <summary>Bytes of the largest: what a chain of <see cref="NetProtocol.MaximumReceiveSlots"/> pages can hold.</summary>
    public const int MaximumCapacity = NetProtocol.MaximumReceiveSlots * NetProtocol.PageSize;

    private readonly Shelf[] _shelves = [new(2048, 1024), new(16 * 1024, 64), new(MaximumCapacity, 16)];

    /// <summary>A frame of no bytes that can grow to <paramref name="capacity"/>.</summary>
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
        private readonly Lock _gate = new();
        private readonly Stack<FrameBuffer> _frames = new();

        public int Capacity => capacity;

        public FrameBuffer? Take()
        {
            lock (_gate)
            {
                return _frames.TryPop(out FrameBuffer? frame) ? frame : null;
            }
        }

        public void Put(FrameBuffer frame)
        {
            lock (_gate)
            {
                if (_frames.Count < limit)
                {
                    _frames.Push(frame);
                }
            }
        }
    }
}
