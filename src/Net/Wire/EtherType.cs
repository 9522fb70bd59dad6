namespace Xenlet.Net;

/// <summary>What an Ethernet frame carries (IEEE 802 numbers, IANA).</summary>
public static class EtherType
{
    public const ushort IPv4 = 0x0800;
    public const ushort Arp = 0x0806;
    public const ushort IPv6 = 0x86DD;
}
