using System.Runtime.CompilerServices;

namespace Xenlet.Net.Tcp;

/// <summary>What a connection waits for.</summary>
internal enum TcpTimer
{
    /// <summary>A retransmission, a loss probe, or a probe of a closed window.</summary>
    Retransmit,

    /// <summary>Whether what seems lost was only reordered (RFC 8985).</summary>
    Reorder,

    /// <summary>A delayed acknowledgment.</summary>
    Acknowledge,

    /// <summary>A keep-alive probe.</summary>
    KeepAlive,

    /// <summary>The end of FIN-WAIT-2 without a user.</summary>
    FinWait2,
}

/// <summary>
/// The timers of a connection over one timer of the stack. A deadline that moves on, as the retransmission's does with every
/// acknowledgment, costs nothing: the stack's timer comes early once, and is set anew.
/// </summary>
internal sealed class TcpConnectionTimers
{
    private const int Kinds = 5;
    private const long NotSet = long.MaxValue;

    private readonly StackTimers _timers;
    private readonly IStackClock _clock;
    private readonly StackTimer _timer;
    private readonly Action<TcpTimer> _expired;
    private Deadlines _deadlines;

    public TcpConnectionTimers(StackTimers timers, IStackClock clock, Action<TcpTimer> expired)
    {
        _timers = timers;
        _clock = clock;
        _expired = expired;
        _timer = new StackTimer(OnExpired);
        CancelAll();
    }

    [InlineArray(Kinds)]
    private struct Deadlines
    {
        private long _first;
    }

    public bool IsSet(TcpTimer kind) => _deadlines[(int)kind] != NotSet;

    /// <summary>When a timer that is set expires, in nanoseconds.</summary>
    public long Due(TcpTimer kind) => _deadlines[(int)kind];

    public void Set(TcpTimer kind, long due)
    {
        _deadlines[(int)kind] = due;
        if (!_timer.IsSet || due < _timer.Due)
        {
            _timers.Set(_timer, due);
        }
    }

    public void Cancel(TcpTimer kind) => _deadlines[(int)kind] = NotSet;

    public void CancelAll()
    {
        for (int i = 0; i < Kinds; i++)
        {
            _deadlines[i] = NotSet;
        }

        _timers.Cancel(_timer);
    }

    private void OnExpired()
    {
        long now = _clock.Now;
        for (int i = 0; i < Kinds; i++)
        {
            if (_deadlines[i] <= now)
            {
                _deadlines[i] = NotSet;
                _expired((TcpTimer)i);
            }
        }

        long next = NotSet;
        for (int i = 0; i < Kinds; i++)
        {
            next = Math.Min(next, _deadlines[i]);
        }

        if (next != NotSet)
        {
            _timers.Set(_timer, next);
        }
    }
}
