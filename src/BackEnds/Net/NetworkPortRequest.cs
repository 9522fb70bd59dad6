using Xenlet.Net;

namespace Xenlet.BackEnds;

/// <summary>What the tool stack says of a front end, by xl's vif line. The front end cannot change it.</summary>
/// <param name="Domain">The front end's domain.</param>
/// <param name="Handle">The number of its interface.</param>
/// <param name="Address">Its hardware address (<c>mac</c>).</param>
/// <param name="Addresses">Its IP addresses (<c>ip</c>); empty if there is no such parameter.</param>
/// <param name="Bridge">The name of the network (<c>bridge</c>); empty if there is none.</param>
public sealed record NetworkPortRequest(
    ushort Domain, int Handle, MacAddress Address, IReadOnlyList<AddressAssignment> Addresses, string Bridge);
