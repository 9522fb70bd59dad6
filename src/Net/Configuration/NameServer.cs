namespace Xenlet.Net;

/// <summary>A server of DNS that a network has told of.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Interface">The interface by which it was told; a link-local address is reached by it alone.</param>
public sealed record NameServer(InternetAddress Address, IpInterface? Interface)
{
    /// <summary>As a line of resolv.conf has it: a link-local address with its interface's name.</summary>
    public override string ToString() =>
        Address.IsLinkLocal && !Address.IsIPv4 && Interface is not null ? $"{Address}%{Interface.Name}" : Address.ToString();
}
