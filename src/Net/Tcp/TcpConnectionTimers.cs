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
/// The timers of a connection over one timer of the stack, which it is itself. A deadline that moves on, as the retransmission's does with
/// every acknowledgment, costs nothing: the stack's timer comes early once, and is set anew. When it comes and there is no deadline left,
/// another connection may have it (<see cref="TcpConnectionTimerPool"/>).
/// </summary>
internal sealed class TcpConnectionTimers : StackTimer
{
    private const int Kinds = 5;
    private const long NotSet = long.MaxValue;

    private readonly TcpLayer _layer;
    private TcpConnection? _owner;
    private Deadlines _deadlines;
    private bool _isExpiring;

    public TcpConnectionTimers(TcpLayer layer)
    {
        _layer = layer;
        Clear();
    }

    [InlineArray(Kinds)]
    private struct Deadlines
    {
        private long _first;
    }

    public bool Has(TcpTimer kind) => _deadlines[(int)kind] != NotSet;

    /// <summary>When a timer that is set expires, in nanoseconds.</summary>
    public long DueOf(TcpTimer kind) => _deadlines[(int)kind];

    /// <summary>Has another owner. No timer is set.</summary>
    public void Serve(TcpConnection owner) => _owner = owner;

    public void Set(TcpTimer kind, long due)
    {
        _deadlines[(int)kind] = due;
        if (!IsSet || due < Due)
        {
            _layer.Timers.Set(this, due);
        }
    }

    public void Cancel(TcpTimer kind) => _deadlines[(int)kind] = NotSet;

    /// <summary>Cancels all, and leaves the owner.</summary>
    public void CancelAll()
    {
        Clear();
        LeaveUnlessExpiring();
    }

    internal override void Expire()
    {
        _isExpiring = true;
        long now = _layer.Clock.Now;
        for (int i = 0; i < Kinds; i++)
        {
            if (_deadlines[i] <= now)
            {
                _deadlines[i] = NotSet;
                _owner!.OnTimer((TcpTimer)i);
            }
        }

        _isExpiring = false;
        long next = NotSet;
        for (int i = 0; i < Kinds; i++)
        {
            next = Math.Min(next, _deadlines[i]);
        }

        if (next != NotSet)
        {
            _layer.Timers.Set(this, next);
        }
        else
        {
            LeaveUnlessExpiring();
        }
    }

    private void Clear()
    {
        for (int i = 0; i < Kinds; i++)
        {
            _deadlines[i] = NotSet;
        }
    }

    // While it goes through the deadlines it keeps its owner, which may have ended with one of them.
    private void LeaveUnlessExpiring()
    {
        if (!_isExpiring && _owner is { } owner)
        {
            _layer.Timers.Cancel(this);
            _owner = null;
            owner.LeaveTimers();
            _layer.ConnectionTimers.Return(this);
        }
    }
}
