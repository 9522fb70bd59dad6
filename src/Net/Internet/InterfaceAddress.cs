using Xenlet.Net.Base;
using Xenlet.Net.Internet;

namespace Xenlet.Net;

/// <summary>An address of an interface.</summary>
public sealed class InterfaceAddress
{
    internal InterfaceAddress(IpInterface owner, InternetAddress address, int prefixLength, AddressOrigin origin)
    {
        Interface = owner;
        Address = address;
        Prefix = new NetworkPrefix(address, prefixLength);
        Broadcast = address.IsIPv4 && prefixLength is > 0 and < 31
            ? InternetAddress.FromIPv4(address.IPv4 | (uint.MaxValue >> prefixLength))
            : null;
        Origin = origin;
    }

    /// <summary>The interface that has it.</summary>
    public IpInterface Interface { get; }

    /// <summary>The address.</summary>
    public InternetAddress Address { get; }

    /// <summary>The prefix of the address. Whether its other addresses are neighbours is for the routes to say.</summary>
    public NetworkPrefix Prefix { get; }

    /// <summary>Where it comes from.</summary>
    public AddressOrigin Origin { get; }

    /// <summary>What it is good for.</summary>
    public AddressState State { get; internal set; }

    /// <summary>Until when it is chosen for new flows, in nanoseconds of the stack's clock; <see cref="long.MaxValue"/> for ever.</summary>
    public long PreferredUntil { get; internal set; } = StackTime.Never;

    /// <summary>Until when it is ours, in nanoseconds of the stack's clock; <see cref="long.MaxValue"/> for ever.</summary>
    public long ValidUntil { get; internal set; } = StackTime.Never;

    /// <summary>Whether packets are sent from it and taken for it.</summary>
    public bool IsUsable => State is AddressState.Preferred or AddressState.Deprecated;

    /// <summary>The address that means all hosts of the prefix, of IPv4 prefixes that have one (RFC 3021).</summary>
    public InternetAddress? Broadcast { get; }

    internal IAddressOwner? Owner { get; init; }

    /// <summary>The timer of duplicate address detection, and then of the lifetimes.</summary>
    internal StackTimer? Timer { get; set; }

    /// <summary>Whether it has been used, so that something may use it that has to hear of its end.</summary>
    internal bool WasReady { get; set; }

    /// <summary>Probes and announcements that have been sent.</summary>
    internal int Probes { get; set; }

    /// <summary>Until when an answer to a probe that comes late ends its use.</summary>
    internal long TrialUntil { get; set; } = long.MinValue;

    /// <summary>When it was last defended against somebody who uses it too.</summary>
    internal long DefendedAt { get; set; } = long.MinValue;

    public override string ToString() => $"{Address}/{Prefix.Length} ({State})";
}
