namespace Xenlet.Net;

/// <summary>What a DHCP client is doing (RFC 2131, section 4.4).</summary>
public enum DhcpState
{
    /// <summary>It has been stopped, or not started.</summary>
    Stopped,

    /// <summary>It asks for offers.</summary>
    Selecting,

    /// <summary>It has asked for what was offered.</summary>
    Requesting,

    /// <summary>It has an address, and finds out whether somebody else uses it.</summary>
    Checking,

    /// <summary>It has an address.</summary>
    Bound,

    /// <summary>It has an address, and asks its server to extend the lease.</summary>
    Renewing,

    /// <summary>It has an address, and asks any server to extend the lease.</summary>
    Rebinding,

    /// <summary>It had an address before a pause, and asks whether it still may have it.</summary>
    Rebooting,
}
