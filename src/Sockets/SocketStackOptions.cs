using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>How a guest's TCP/IP stack is run.</summary>
public sealed record SocketStackOptions
{
    /// <summary>
    /// The interfaces' addresses, by their names. What an interface has of neither family, DHCP and router advertisements give it.
    /// </summary>
    public AddressSettings Addresses { get; init; } = AddressSettings.None;

    /// <summary>The name that DHCP servers are told; empty for none.</summary>
    public string HostName { get; init; } = "";

    /// <summary>What the stack's owner decides.</summary>
    public IpStackOptions Stack { get; init; } = new();

    /// <summary>
    /// How long a call or a datagram that needs an address of the guest waits for the first one. Then it fails with ENETUNREACH.
    /// </summary>
    public TimeSpan AddressLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Hears of what goes wrong, on the stack's thread. It must not wait.</summary>
    public Action<string>? Report { get; init; }
}
