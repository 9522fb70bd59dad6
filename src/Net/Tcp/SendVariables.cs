namespace Xenlet.Net.Tcp;

/// <summary>
/// The send sequence variables (RFC 9293, section 3.3.1), and others that are places in what is sent. They lie together, since a field of a
/// class that is a structure of its own takes a whole word.
/// </summary>
internal struct SendVariables
{
    /// <summary>SND.UNA: the first sequence number that is not acknowledged.</summary>
    public SequenceNumber Unacknowledged;

    /// <summary>SND.NXT: the first that was never sent.</summary>
    public SequenceNumber Next;

    /// <summary>SND.WL1: the sequence number of the segment that told of the window last.</summary>
    public SequenceNumber WindowSequence;

    /// <summary>SND.WL2: its acknowledgment.</summary>
    public SequenceNumber WindowAcknowledgment;

    /// <summary>Behind the last segment that was smaller than the segment size.</summary>
    public SequenceNumber SmallEnd;

    /// <summary>SND.UP: behind the last urgent byte; of no meaning when none is sent.</summary>
    public SequenceNumber UrgentEnd;

    /// <summary>SND.WND: how many bytes the peer takes.</summary>
    public int Window;

    /// <summary>The largest that the peer has told of.</summary>
    public int LargestWindow;
}
