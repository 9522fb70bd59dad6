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
    /// <remarks><see langword="null"/> for what <see cref="Addresses"/> say, or else 10 seconds.</remarks>
    public TimeSpan? AddressLimit { get; init; }

    /// <summary>Hears of what goes wrong, on the stack's thread. It must not wait.</summary>
    public Action<string>? Report { get; init; }

    /// <summary>What the environment, and with it the domain's command line, says: <see cref="AddressSettings.FromEnvironment"/>.</summary>
    public static SocketStackOptions FromEnvironment() => new() { Addresses = AddressSettings.FromEnvironment() };
}
