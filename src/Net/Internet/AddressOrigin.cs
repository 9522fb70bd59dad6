namespace Xenlet.Net;

/// <summary>Where an address or a route comes from.</summary>
public enum AddressOrigin
{
    /// <summary>Whoever started the guest has said so.</summary>
    Static,

    /// <summary>Every IPv6 interface makes itself one (RFC 4862, section 5.3).</summary>
    LinkLocal,

    /// <summary>A DHCP server has lent it.</summary>
    Dhcp,

    /// <summary>A router has told the prefix (RFC 4862, section 5.5).</summary>
    RouterAdvertisement,
}
