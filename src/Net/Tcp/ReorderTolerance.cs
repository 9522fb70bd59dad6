namespace Xenlet.Net.Tcp;

/// <summary>
/// How much reordering a connection bears with before it takes data for lost (RFC 8985, section 6.2, step 4). It is learned over the life
/// of the connection.
/// </summary>
internal struct ReorderTolerance
{
    private const int RecoveriesKept = 16;
    private const int DuplicateThreshold = 3;

    private SequenceNumber _roundEnd;
    private byte _multiplier;
    private byte _recoveriesLeft;
    private bool _isInRound;

    /// <summary>Whether the path has been seen to reorder.</summary>
    public bool HasReordering { get; set; }

    private readonly int Multiplier => Math.Max(_multiplier, (byte)1);

    /// <summary>A retransmission was needless, by a DSACK: the path reorders more than was allowed for.</summary>
    public void OnDuplicate(SequenceNumber acknowledged, SequenceNumber next)
    {
        if (_isInRound && acknowledged < _roundEnd)
        {
            return;
        }

        _isInRound = true;
        _roundEnd = next;
        _multiplier = (byte)Math.Min(Multiplier + 1, byte.MaxValue);
        _recoveriesLeft = RecoveriesKept;
    }

    /// <summary>A recovery has ended.</summary>
    public void OnRecovered()
    {
        if (_recoveriesLeft <= 1)
        {
            _recoveriesLeft = 0;
            _multiplier = 1;
        }
        else
        {
            _recoveriesLeft--;
        }
    }

    /// <summary>For how long reordering is borne with, in nanoseconds.</summary>
    public readonly long Window(in RoundTripEstimator path, bool isRecovering, int segmentsSacked) =>
        !HasReordering && (isRecovering || segmentsSacked >= DuplicateThreshold)
            ? 0
            : Math.Min(Multiplier * path.Minimum / 4, path.Smoothed);
}
