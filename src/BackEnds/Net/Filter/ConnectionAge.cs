using Xenlet.Net.Base;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>How far a connection has come, which says how long it is remembered without a packet.</summary>
internal enum ConnectionAge
{
    /// <summary>TCP: reset by an end.</summary>
    Reset,

    /// <summary>TCP: both ends have closed, and know it of each other.</summary>
    Closed,

    /// <summary>TCP: no answer, or none that the opener has acknowledged.</summary>
    Opening,

    /// <summary>UDP and other protocols: no answer. All ICMP.</summary>
    Single,

    /// <summary>UDP and other protocols: both ends have sent.</summary>
    Answered,

    /// <summary>TCP: one end has closed.</summary>
    Closing,

    /// <summary>TCP: both ends have acknowledged each other.</summary>
    Established,
}

/// <summary>How long a connection is remembered.</summary>
internal static class ConnectionAges
{
    /// <summary>The number of ages.</summary>
    public const int Count = (int)ConnectionAge.Established + 1;

    /// <summary>
    /// In nanoseconds without a packet. RFC 5382 wants at least 2 hours and 4 minutes for established connections of TCP and 4 minutes for
    /// others that have been; RFC 4787 wants 5 minutes for UDP. A closed one is kept as long as TIME-WAIT lasts in most systems.
    /// </summary>
    public static long Lifetime(ConnectionAge age) => age switch
    {
        ConnectionAge.Reset => 10 * StackTime.Second,
        ConnectionAge.Closed => 2 * StackTime.Minute,
        ConnectionAge.Opening or ConnectionAge.Single => 30 * StackTime.Second,
        ConnectionAge.Answered => 5 * StackTime.Minute,
        ConnectionAge.Closing => 15 * StackTime.Minute,
        _ => 24 * 60 * StackTime.Minute,
    };

    /// <summary>Whether the connection may be forgotten before its time, to make room.</summary>
    public static bool IsExpendable(ConnectionAge age) => age <= ConnectionAge.Single;
}
