namespace Xenlet.Net.Internet;

/// <summary>
/// What the fragments of one packet have in common. The protocol is that of IPv4; 0 of IPv6, whose fragments need not agree on it.
/// </summary>
internal readonly record struct FragmentKey(InternetAddress Source, InternetAddress Destination, uint Identification, byte Protocol);
