namespace Xenlet.XenStoreRing;

/// <summary>Counters of a connection.</summary>
/// <param name="Requests">Requests sent.</param>
/// <param name="Replies">Replies that belonged to a request.</param>
/// <param name="WatchEvents">Watch events that belonged to a watch, before they were coalesced.</param>
/// <param name="UnmatchedReplies">Messages dropped because no request had their id.</param>
/// <param name="UnmatchedEvents">Watch events dropped because no watch had their token. A few are normal after a watch has ended.</param>
/// <param name="MalformedEvents">Watch events that were not two strings, or whose path broke a rule.</param>
public readonly record struct XenStoreStatistics(
    long Requests, long Replies, long WatchEvents, long UnmatchedReplies, long UnmatchedEvents, long MalformedEvents);
