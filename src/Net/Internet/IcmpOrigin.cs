namespace Xenlet.Net.Internet;

/// <summary>What an ICMP error is by itself.</summary>
/// <param name="Offender">Who has sent it.</param>
/// <param name="Type">Its type.</param>
/// <param name="Code">Its code.</param>
internal readonly record struct IcmpOrigin(InternetAddress Offender, byte Type, byte Code);
