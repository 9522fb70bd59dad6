using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>Received frames that wait for the program, limited in number and memory.</summary>
internal sealed class FrameQueue(int maximumFrames, int maximumBytes)
{
    private readonly Lock _lock = new();
    private readonly FrameBuffer?[] _frames = new FrameBuffer[maximumFrames];
    private readonly AsyncSignal _arrival = new();
    private int _first;
    private int _count;
    private int _bytes;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds a frame. The reader is woken by <see cref="Wake"/>, once for many.</summary>
    /// <returns>False if there is no room: the caller keeps the frame.</returns>
    public bool TryAdd(FrameBuffer frame)
    {
        lock (_lock)
        {
            if (_count == maximumFrames || _bytes + frame.Capacity > maximumBytes)
            {
                return false;
            }

            int place = _first + _count;
            _frames[place < maximumFrames ? place : place - maximumFrames] = frame;
            _count++;
            _bytes += frame.Capacity;
            return true;
        }
    }

    public bool TryTake(out FrameBuffer? frame)
    {
        lock (_lock)
        {
            frame = null;
            if (_count == 0)
            {
                return false;
            }

            frame = _frames[_first]!;
            _frames[_first] = null;
            _first = _first + 1 < maximumFrames ? _first + 1 : 0;
            _count--;
            _bytes -= frame.Capacity;
            return true;
        }
    }

    public void Wake() => _arrival.Set();

    /// <summary>Waits until <see cref="Wake"/>. One reader at a time.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken) => _arrival.WaitAsync(cancellationToken);
}
