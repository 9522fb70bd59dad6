using Xenlet.Net;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>What rules see of a packet.</summary>
/// <param name="Protocol">What it carries.</param>
/// <param name="Flow">The sender, as the local end, and the receiver. Ports are 0 where the protocol has none.</param>
/// <param name="IcmpType">The type of an ICMP message, else 0.</param>
internal readonly record struct RuleSubject(byte Protocol, Flow Flow, byte IcmpType);
