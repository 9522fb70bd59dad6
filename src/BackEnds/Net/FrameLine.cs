using Xenlet.Drivers;

namespace Xenlet.BackEnds.Net;

/// <summary>The frames of one sender that wait for one receiver, in their order.</summary>
internal sealed class FrameLine
{
    private FrameBuffer?[] _frames = new FrameBuffer[8];
    private int _first;

    public FrameLine() => Turn = new(this);

    /// <summary>Its place among the lines that have turns.</summary>
    public LinkedListNode<FrameLine> Turn { get; }

    /// <summary>Bytes that it may still send in its turn; a frame may make a debt.</summary>
    public int Credit { get; set; }

    /// <summary>Frames in it.</summary>
    public int Count { get; private set; }

    /// <summary>Their memory, in bytes.</summary>
    public int Bytes { get; private set; }

    /// <summary>Adds a frame at the end.</summary>
    public void Put(FrameBuffer frame)
    {
        if (Count == _frames.Length)
        {
            FrameBuffer?[] larger = new FrameBuffer[Count * 2];
            for (int i = 0; i < Count; i++)
            {
                larger[i] = _frames[Place(i)];
            }

            (_frames, _first) = (larger, 0);
        }

        _frames[Place(Count++)] = frame;
        Bytes += frame.Capacity;
    }

    /// <summary>Takes the first frame; there is one.</summary>
    public FrameBuffer TakeFirst()
    {
        FrameBuffer frame = Take(_first);
        _first = (_first + 1) & (_frames.Length - 1);
        return frame;
    }

    /// <summary>Takes the last frame; there is one.</summary>
    public FrameBuffer TakeLast() => Take(Place(Count - 1));

    private FrameBuffer Take(int place)
    {
        FrameBuffer frame = _frames[place]!;
        _frames[place] = null;
        Count--;
        Bytes -= frame.Capacity;
        return frame;
    }

    private int Place(int index) => (_first + index) & (_frames.Length - 1);
}
