using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>
/// The times and counts of TCP, in nanoseconds. Where an RFC leaves them open they are Linux's, since programs expect those.
/// </summary>
internal static class TcpTimes
{
    /// <summary>The retransmission time-out before anything was measured (RFC 6298, section 2).</summary>
    public const long InitialTimeout = StackTime.Second;

    /// <summary>The time-out of data when the SYN was lost (RFC 6298, section 5.7).</summary>
    public const long TimeoutAfterLostSyn = 3 * StackTime.Second;

    /// <summary>The least that is added to the round-trip time. RFC 6298 has a time-out of at least 1 s, Linux this.</summary>
    public const long LeastVariation = 200 * StackTime.Millisecond;

    public const long LongestTimeout = 120 * StackTime.Second;

    /// <summary>The longest that an acknowledgment waits for more data; RFC 9293 allows less than 500 ms (MUST-40).</summary>
    public const long DelayedAcknowledgment = 40 * StackTime.Millisecond;

    /// <summary>What a peer's delayed acknowledgment may add to a round trip (RFC 8985, section 7.2).</summary>
    public const long WorstAcknowledgmentDelay = 200 * StackTime.Millisecond;

    /// <summary>Twice the maximum segment lifetime: how long TIME-WAIT lasts.</summary>
    public const long TimeWait = 60 * StackTime.Second;

    /// <summary>How long a connection without a user waits for the peer's FIN.</summary>
    public const long OrphanedFinWait2 = 60 * StackTime.Second;

    public const long KeepAliveIdle = 7_200 * StackTime.Second;
    public const long KeepAliveInterval = 75 * StackTime.Second;
    public const int KeepAliveProbes = 9;

    /// <summary>
    /// The gap between answers to segments that should not have come (RFC 5961, section 7), once the first few are spent.
    /// </summary>
    public const long ChallengeInterval = 500 * StackTime.Millisecond;

    /// <summary>How many such answers may come at once.</summary>
    public const int ChallengeBurst = 10;

    /// <summary>How long a timestamp of the peer's is of use when nothing arrives (RFC 7323, section 5.5).</summary>
    public const long TimestampLife = 24L * 86_400 * StackTime.Second;

    /// <summary>How often a SYN is sent again: for four minutes, since RFC 9293 has at least three (MUST-23).</summary>
    public const int SynRetries = 7;

    public const int SynAckRetries = 5;

    /// <summary>How often data is sent again before the connection is given up: about 15 minutes.</summary>
    public const int DataRetries = 15;

    /// <summary>The same when the user has closed the connection.</summary>
    public const int OrphanRetries = 8;

    /// <summary>
    /// After so many time-outs in a row the internet layer is told that the peer does not answer: R1 of RFC 9293, section 3.8.3.
    /// </summary>
    public const int RetriesBeforeAdvice = 3;

    /// <summary>After so many time-outs in a row a path may be one that drops large packets and does not say so.</summary>
    public const int RetriesBeforeBlackHole = 2;

    /// <summary>How long a connection keeps to small segments before it tries large ones again; doubled each time.</summary>
    public const long BlackHoleHold = 30 * StackTime.Second;
}
