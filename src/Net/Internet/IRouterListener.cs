namespace Xenlet.Net.Internet;

/// <summary>Who configures interfaces from what routers advertise (RFC 4861, section 6.3).</summary>
internal interface IRouterListener
{
    /// <summary>A valid router advertisement has arrived.</summary>
    /// <param name="at">The interface.</param>
    /// <param name="router">The router's link-local address.</param>
    /// <param name="message">The message from its ICMPv6 header on; its options have been found to lie within it.</param>
    void OnAdvertisement(IpInterface at, InternetAddress router, ReadOnlySpan<byte> message);
}
