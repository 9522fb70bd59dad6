namespace Xenlet.Net;

/// <summary>The timers of a stack, in a heap by the time at which they expire.</summary>
public sealed class StackTimers
{
    private StackTimer[] _heap = new StackTimer[64];
    private int _count;

    /// <summary>When the next timer expires, in nanoseconds; <see cref="long.MaxValue"/> without one.</summary>
    public long NextDue => _count == 0 ? long.MaxValue : _heap[0].Due;

    /// <summary>How many timers are set.</summary>
    public int Count => _count;

    /// <summary>Sets a timer, or moves one that is set.</summary>
    /// <param name="timer">The timer.</param>
    /// <param name="due">When it expires, in nanoseconds of the stack's clock.</param>
    public void Set(StackTimer timer, long due)
    {
        if (!timer.IsSet)
        {
            if (_count == _heap.Length)
            {
                Array.Resize(ref _heap, _count * 2);
            }

            timer.Due = due;
            Place(timer, _count++);
            Rise(timer);
            return;
        }

        bool isEarlier = due < timer.Due;
        timer.Due = due;
        if (isEarlier)
        {
            Rise(timer);
        }
        else
        {
            Sink(timer);
        }
    }

    /// <summary>Cancels a timer; nothing when it is not set.</summary>
    public void Cancel(StackTimer timer)
    {
        if (!timer.IsSet)
        {
            return;
        }

        int index = timer.Index;
        timer.Index = StackTimer.NotQueued;
        StackTimer last = _heap[--_count];
        _heap[_count] = null!;
        if (last != timer)
        {
            Place(last, index);
            Rise(last);
            Sink(last);
        }
    }

    /// <summary>Calls the owners of all timers that have expired by <paramref name="now"/>, the earliest first.</summary>
    public void Run(long now)
    {
        while (_count > 0 && _heap[0].Due <= now)
        {
            StackTimer timer = _heap[0];
            Cancel(timer);
            timer.Expire();
        }
    }

    private void Place(StackTimer timer, int index)
    {
        _heap[index] = timer;
        timer.Index = index;
    }

    private void Rise(StackTimer timer)
    {
        int index = timer.Index;
        while (index > 0)
        {
            StackTimer parent = _heap[(index - 1) / 2];
            if (parent.Due <= timer.Due)
            {
                break;
            }

            int above = parent.Index;
            Place(parent, index);
            index = above;
        }

        Place(timer, index);
    }

    private void Sink(StackTimer timer)
    {
        int index = timer.Index;
        while (true)
        {
            int child = (index * 2) + 1;
            if (child >= _count)
            {
                break;
            }

            if (child + 1 < _count && _heap[child + 1].Due < _heap[child].Due)
            {
                child++;
            }

            if (timer.Due <= _heap[child].Due)
            {
                break;
            }

            Place(_heap[child], index);
            index = child;
        }

        Place(timer, index);
    }
}
