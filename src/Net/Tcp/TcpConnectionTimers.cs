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
/// every acknowledgment, costs nothing: the stack's timer comes early once, and is set anew.
/// </summary>
internal sealed class TcpConnectionTimers : StackTimer
{
    private const int Kinds = 5;
    private const long NotSet = long.MaxValue;

    private readonly TcpConnection _owner;
    private readonly TcpLayer _layer;
    private Deadlines _deadlines;

    public TcpConnectionTimers(TcpConnection owner, TcpLayer layer)
    {
        _owner = owner;
        _layer = layer;
        CancelAll();
    }

    [InlineArray(Kinds)]
    private struct Deadlines
    {
        private long _first;
    }

    public bool Has(TcpTimer kind) => _deadlines[(int)kind] != NotSet;

    /// <summary>When a timer that is set expires, in nanoseconds.</summary>
    public long DueOf(TcpTimer kind) => _deadlines[(int)kind];

    public void Set(TcpTimer kind, long due)
    {
        _deadlines[(int)kind] = due;
        if (!IsSet || due < Due)
        {
            _layer.Timers.Set(this, due);
        }
    }

    public void Cancel(TcpTimer kind) => _deadlines[(int)kind] = NotSet;

    public void CancelAll()
    {
        for (int i = 0; i < Kinds; i++)
        {
            _deadlines[i] = NotSet;
        }

        _layer.Timers.Cancel(this);
    }

    internal override void Expire()
    {
        long now = _layer.Clock.Now;
        for (int i = 0; i < Kinds; i++)
        {
            if (_deadlines[i] <= now)
            {
                _deadlines[i] = NotSet;
                _owner.OnTimer((TcpTimer)i);
            }
        }

        long next = NotSet;
        for (int i = 0; i < Kinds; i++)
        {
            next = Math.Min(next, _deadlines[i]);
        }

        if (next != NotSet)
        {
            _layer.Timers.Set(this, next);
        }
    }
}
