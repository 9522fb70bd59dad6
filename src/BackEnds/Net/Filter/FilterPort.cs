using Xenlet.Net;
using Xenlet.Net.Base;
using Xenlet.Net.Tcp;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>A port of the switch as the filter knows it, with what was opened from there.</summary>
internal sealed class FilterPort
{
    /// <summary>Creates the port of a front end, or of all that is outside.</summary>
    public FilterPort(uint number, KeyedHash hash, int mostConnections, int answersPerSecond)
    {
        Number = number;
        Opened = new(hash, mostConnections);
        Answers = new(answersPerSecond, Math.Max(1, StackTime.Second / answersPerSecond));
    }

    /// <summary>A number that no other port gets.</summary>
    public uint Number { get; }

    /// <summary>Whether it is no front end's.</summary>
    public bool IsOutside { get; init; }

    /// <summary>The front end's domain.</summary>
    public int Domain { get; private set; }

    /// <summary>Its hardware address.</summary>
    public MacAddress Address { get; init; }

    /// <summary>What its vif line has for <c>bridge</c>.</summary>
    public string Bridge { get; private set; } = "";

    /// <summary>The connections that were opened from it.</summary>
    public ConnectionTable Opened { get; }

    /// <summary>Its packets that come in fragments.</summary>
    public FragmentTable Fragments { get; } = new();

    /// <summary>Limits what is said to it of packets that are rejected.</summary>
    public TokenBucket Answers { get; }

    /// <summary>Its front ends: a domain that is migrated has two of one hardware address for a moment.</summary>
    public int FrontEnds { get; set; }

    /// <summary>When its front end has left, in nanoseconds; null while it is there.</summary>
    public long? LeftAt { get; set; }

    /// <summary>Takes what the tool stack says of the front end, which may be another domain's after a migration.</summary>
    /// <returns>Whether rules may see a difference.</returns>
    public bool Describe(int domain, string bridge)
    {
        bool isOther = Domain != domain || Bridge != bridge;
        (Domain, Bridge) = (domain, bridge);
        return isOther;
    }
}
