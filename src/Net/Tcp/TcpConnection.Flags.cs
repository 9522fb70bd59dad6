namespace Xenlet.Net.Tcp;

/// <content>What a connection is or has, one bit each: as fields, they would take 24 bytes.</content>
internal sealed partial class TcpConnection
{
    private Flag _flags;

    [Flags]
    private enum Flag : uint
    {
        None = 0,
        Busy = 1 << 0,
        ConnectedDue = 1 << 1,
        PeerFinishedDue = 1 << 2,
        OutputDue = 1 << 3,
        Orphaned = 1 << 4,
        ReadingOver = 1 << 5,
        WaitingForRoom = 1 << 6,
        InBatch = 1 << 7,
        Scale = 1 << 8,
        SackPermitted = 1 << 9,
        FinDue = 1 << 10,
        FinSent = 1 << 11,
        UnansweredData = 1 << 12,
        FinArrived = 1 << 13,
        PeerFinished = 1 << 14,
        AcknowledgmentDue = 1 << 15,
        AcknowledgmentUrgent = 1 << 16,
        Passive = 1 << 17,
        Timestamps = 1 << 18,
        TimeWaitDue = 1 << 19,
        CongestionLimited = 1 << 20,
        SendingUrgent = 1 << 21,
        UrgentMark = 1 << 22,
        UrgentByteMissing = 1 << 23,
        ReleaseDue = 1 << 24,
    }

    /// <summary>A call is under way, which sends what is due at its end.</summary>
    private bool IsBusy
    {
        get => Has(Flag.Busy);
        set => Set(Flag.Busy, value);
    }

    /// <summary>The user is to be told that the connection is open.</summary>
    private bool IsConnectedDue
    {
        get => Has(Flag.ConnectedDue);
        set => Set(Flag.ConnectedDue, value);
    }

    /// <summary>The user is to be told that the peer sends no more.</summary>
    private bool IsPeerFinishedDue
    {
        get => Has(Flag.PeerFinishedDue);
        set => Set(Flag.PeerFinishedDue, value);
    }

    /// <summary>The send queue has released something, and has not been told that nothing follows.</summary>
    private bool IsReleaseDue
    {
        get => Has(Flag.ReleaseDue);
        set => Set(Flag.ReleaseDue, value);
    }

    /// <summary>There may be something to send.</summary>
    private bool IsOutputDue
    {
        get => Has(Flag.OutputDue);
        set => Set(Flag.OutputDue, value);
    }

    /// <summary>Both ends scale their windows.</summary>
    private bool HasScale
    {
        get => Has(Flag.Scale);
        set => Set(Flag.Scale, value);
    }

    /// <summary>Both ends tell of what arrived behind a gap.</summary>
    private bool IsSackPermitted
    {
        get => Has(Flag.SackPermitted);
        set => Set(Flag.SackPermitted, value);
    }

    /// <summary>The user sends no more.</summary>
    private bool IsFinDue
    {
        get => Has(Flag.FinDue);
        set => Set(Flag.FinDue, value);
    }

    /// <summary>The FIN was sent.</summary>
    private bool IsFinSent
    {
        get => Has(Flag.FinSent);
        set => Set(Flag.FinSent, value);
    }

    /// <summary>Data has arrived since the last was sent.</summary>
    private bool HasUnansweredData
    {
        get => Has(Flag.UnansweredData);
        set => Set(Flag.UnansweredData, value);
    }

    /// <summary>The FIN has come before its turn.</summary>
    private bool HasFinArrived
    {
        get => Has(Flag.FinArrived);
        set => Set(Flag.FinArrived, value);
    }

    /// <summary>The FIN was received.</summary>
    private bool HasPeerFinished
    {
        get => Has(Flag.PeerFinished);
        set => Set(Flag.PeerFinished, value);
    }

    /// <summary>An acknowledgment is to be sent now.</summary>
    private bool IsAcknowledgmentDue
    {
        get => Has(Flag.AcknowledgmentDue);
        set => Set(Flag.AcknowledgmentDue, value);
    }

    /// <summary>It does not wait for the end of a batch.</summary>
    private bool IsAcknowledgmentUrgent
    {
        get => Has(Flag.AcknowledgmentUrgent);
        set => Set(Flag.AcknowledgmentUrgent, value);
    }

    /// <summary>A listener has accepted the connection.</summary>
    private bool IsPassive
    {
        get => Has(Flag.Passive);
        set => Set(Flag.Passive, value);
    }

    /// <summary>Both ends send timestamps.</summary>
    private bool HasTimestamps
    {
        get => Has(Flag.Timestamps);
        set => Set(Flag.Timestamps, value);
    }

    /// <summary>Both ends have finished.</summary>
    private bool IsTimeWaitDue
    {
        get => Has(Flag.TimeWaitDue);
        set => Set(Flag.TimeWaitDue, value);
    }

    /// <summary>The congestion window was what held the sender back.</summary>
    private bool IsCongestionLimited
    {
        get => Has(Flag.CongestionLimited);
        set => Set(Flag.CongestionLimited, value);
    }

    /// <summary>Urgent data was written and is not acknowledged.</summary>
    private bool IsSendingUrgent
    {
        get => Has(Flag.SendingUrgent);
        set => Set(Flag.SendingUrgent, value);
    }

    /// <summary>The peer has told of urgent data.</summary>
    private bool HasUrgentMark
    {
        get => Has(Flag.UrgentMark);
        set => Set(Flag.UrgentMark, value);
    }

    /// <summary>The last urgent byte has not arrived.</summary>
    private bool IsUrgentByteMissing
    {
        get => Has(Flag.UrgentByteMissing);
        set => Set(Flag.UrgentByteMissing, value);
    }

    private bool Has(Flag flag) => (_flags & flag) != 0;

    private void Set(Flag flag, bool value) => _flags = value ? _flags | flag : _flags & ~flag;
}
