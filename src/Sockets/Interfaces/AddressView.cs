using System.Net;
using Xenlet.Net;
using static Xenlet.Sockets.Interfaces.NetlinkCode;

namespace Xenlet.Sockets.Interfaces;

/// <summary>An interface's address as Linux shows one.</summary>
internal sealed class AddressView
{
    private const int LoopbackPrefix = 8;

    private readonly InterfaceAddress? _address;

    public AddressView(InterfaceView of, InterfaceAddress address)
    {
        Interface = of;
        _address = address;
        Address = address.Address;
        PrefixLength = address.Prefix.Length;
        Broadcast = address.Broadcast;
    }

    private AddressView(InterfaceView of, InternetAddress address, int prefixLength)
    {
        Interface = of;
        Address = address;
        PrefixLength = prefixLength;
    }

    public InterfaceView Interface { get; }

    public InternetAddress Address { get; }

    public int PrefixLength { get; }

    public InternetAddress? Broadcast { get; }

    /// <summary>RT_SCOPE_ number.</summary>
    public byte Scope => _address is null ? RT_SCOPE_HOST : Address.IsLinkLocal ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;

    /// <summary>IFA_F_ bits.</summary>
    public byte Flags => (byte)((_address?.Origin is AddressOrigin.Dhcp or AddressOrigin.RouterAdvertisement ? 0 : IFA_F_PERMANENT)
        | _address?.State switch
        {
            AddressState.Tentative => IFA_F_TENTATIVE,
            AddressState.Deprecated => IFA_F_DEPRECATED,
            AddressState.Duplicate => IFA_F_TENTATIVE | IFA_F_DADFAILED,
            _ => 0,
        });

    public static AddressView LoopbackIPv4(InterfaceView of) => new(of, InternetAddress.From(IPAddress.Loopback), LoopbackPrefix);

    public static AddressView LoopbackIPv6(InterfaceView of) => new(of, InternetAddress.From(IPAddress.IPv6Loopback), 128);

    /// <summary>How long it is preferred and valid, in seconds; <see cref="uint.MaxValue"/> for ever.</summary>
    public (uint Preferred, uint Valid) LifetimeAt(long now) => _address is null
        ? (uint.MaxValue, uint.MaxValue)
        : (Seconds(_address.PreferredUntil - now, _address.PreferredUntil), Seconds(_address.ValidUntil - now, _address.ValidUntil));

    private static uint Seconds(long rest, long until) =>
        until == long.MaxValue ? uint.MaxValue : (uint)Math.Clamp(rest / 1_000_000_000, 0, uint.MaxValue - 1);
}
