using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// An address and a port, as the nucleus keeps them and the private calls pass them. An IPv4 address is its IPv4-mapped IPv6 address (RFC
/// 4291, section 2.5.5.2).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EndpointRecord
{
    /// <summary>What stands for a port of netlink, whose ports have 32 bits and may be 0: that there is one.</summary>
    public const ushort NetlinkKernel = 1;

    private const uint LoopbackBroadcast = 0x7FFF_FFFF;
    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    /// <summary>The first eight bytes of the address, the first byte of the wire the most significant.</summary>
    public ulong High;

    /// <summary>The last eight bytes.</summary>
    public ulong Low;

    /// <summary>sin6_scope_id.</summary>
    public uint Scope;

    /// <summary>0 for none.</summary>
    public ushort Port;

    public readonly bool IsIPv4 => High == 0 && (Low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;

    /// <summary>Whether it is an address of 127.0.0.0/8, but for its broadcast, or ::1.</summary>
    public readonly bool IsLoopback =>
        IsIPv4 ? IPv4 >> 24 == 127 && IPv4 != LoopbackBroadcast : High == 0 && Low == 1;

    /// <summary>Whether it is an address of IPv6, or a group, that means something on one link alone.</summary>
    public readonly bool IsLinkLocal => High >> 54 == 0xFE80 >> 6 || High >> 48 == 0xFF02;

    /// <summary>The 32 bits of an IPv4 address, the first byte of the wire the most significant.</summary>
    public readonly uint IPv4 => (uint)Low;

    public static EndpointRecord FromIPv4(uint address, ushort port) => new() { Low = MappedPrefix | address, Port = port };

    /// <summary>Any address of the family, without a port.</summary>
    public static EndpointRecord Any(bool isIPv6) => isIPv6 ? default : FromIPv4(0, 0);
}

/// <summary>What goes with a datagram, in its queue in front of its bytes and in the private calls.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DatagramRecord
{
    /// <summary>Source of a received datagram, destination of one to be sent.</summary>
    public EndpointRecord Remote;

    /// <summary>The address that a received datagram was sent to.</summary>
    public EndpointRecord Local;

    public int InterfaceIndex;

    /// <summary>Bytes of the payload.</summary>
    public uint Length;

    public byte HopLimit;
    public byte TrafficClass;
}
