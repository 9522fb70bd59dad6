using System.Runtime.InteropServices;
using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>Constants of Xen's <c>io/netif.h</c>, and related limits.</summary>
internal static class NetProtocol
{
    /// <summary>The size of a slot's page, in bytes.</summary>
    public const int PageSize = 4096;

    /// <summary>The largest size of a frame, which has 16 bits in the protocol.</summary>
    public const int MaximumFrameSize = ushort.MaxValue;

    /// <summary>XEN_NETIF_NR_SLOTS_MIN, which every back end supports, and one more, as Linux's front end accepts it.</summary>
    public const int MaximumReceiveSlots = 19;

    /// <summary>The largest number of extra infos of one frame: one of each type.</summary>
    public const int MaximumExtras = 5;

    /// <summary>XEN_NETTXF_csum_blank.</summary>
    public const ushort TransmitChecksumBlank = 1 << 0;

    /// <summary>XEN_NETTXF_data_validated.</summary>
    public const ushort TransmitDataValidated = 1 << 1;

    /// <summary>XEN_NETTXF_more_data.</summary>
    public const ushort TransmitMoreData = 1 << 2;

    /// <summary>XEN_NETTXF_extra_info.</summary>
    public const ushort TransmitExtraInfo = 1 << 3;

    /// <summary>XEN_NETRXF_data_validated.</summary>
    public const ushort ReceiveDataValidated = 1 << 0;

    /// <summary>XEN_NETRXF_csum_blank.</summary>
    public const ushort ReceiveChecksumBlank = 1 << 1;

    /// <summary>XEN_NETRXF_more_data.</summary>
    public const ushort ReceiveMoreData = 1 << 2;

    /// <summary>XEN_NETRXF_extra_info.</summary>
    public const ushort ReceiveExtraInfo = 1 << 3;

    /// <summary>XEN_NETRXF_gso_prefix: only for front ends that request it, which this one does not.</summary>
    public const ushort ReceiveGsoPrefix = 1 << 4;

    /// <summary>XEN_NETIF_RSP_OKAY.</summary>
    public const short ResponseOkay = 0;

    /// <summary>XEN_NETIF_RSP_NULL: the response to an extra info.</summary>
    public const short ResponseNull = 1;

    /// <summary>XEN_NETIF_RSP_ERROR.</summary>
    public const short ResponseError = -1;

    /// <summary>XEN_NETIF_EXTRA_TYPE_GSO.</summary>
    public const byte ExtraGso = 1;

    /// <summary>XEN_NETIF_EXTRA_TYPE_MCAST_ADD.</summary>
    public const byte ExtraMulticastAdd = 2;

    /// <summary>XEN_NETIF_EXTRA_TYPE_MCAST_DEL.</summary>
    public const byte ExtraMulticastDelete = 3;

    /// <summary>XEN_NETIF_EXTRA_TYPE_XDP, the last known type.</summary>
    public const byte LastExtra = 5;

    /// <summary>XEN_NETIF_EXTRA_FLAG_MORE.</summary>
    public const byte ExtraMore = 1;
}

/// <summary>struct netif_tx_request.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TransmitRequest
{
    public uint Reference;
    public ushort Offset;
    public ushort Flags;
    public ushort Id;
    public ushort Size;

    /// <summary>An extra info in the place of a request.</summary>
    public static TransmitRequest Of(in ExtraInfo extra)
    {
        TransmitRequest request = default;
        MemoryMarshal.Write(MemoryMarshal.AsBytes(new Span<TransmitRequest>(ref request)), in extra);
        return request;
    }

    /// <summary>The first eight bytes as an extra info.</summary>
    public readonly ExtraInfo AsExtra()
    {
        TransmitRequest copy = this;
        return MemoryMarshal.Read<ExtraInfo>(MemoryMarshal.AsBytes(new ReadOnlySpan<TransmitRequest>(in copy)));
    }
}

/// <summary>struct netif_tx_response.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TransmitResponse
{
    public ushort Id;
    public short Status;
}

/// <summary>struct netif_rx_request.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ReceiveRequest
{
    public ushort Id;
    public ushort Pad;
    public uint Reference;
}

/// <summary>struct netif_rx_response.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ReceiveResponse
{
    public ushort Id;
    public ushort Offset;
    public ushort Flags;
    public short Status;

    /// <summary>An extra info in the place of a response.</summary>
    public static ReceiveResponse Of(in ExtraInfo extra)
    {
        ReceiveResponse response = default;
        MemoryMarshal.Write(MemoryMarshal.AsBytes(new Span<ReceiveResponse>(ref response)), in extra);
        return response;
    }

    /// <summary>The same eight bytes as an extra info.</summary>
    public readonly ExtraInfo AsExtra()
    {
        ReceiveResponse copy = this;
        return MemoryMarshal.Read<ExtraInfo>(MemoryMarshal.AsBytes(new ReadOnlySpan<ReceiveResponse>(in copy)));
    }
}

/// <summary>struct netif_extra_info, in the place of a request or a response.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExtraInfo
{
    public byte Type;
    public byte Flags;

    /// <summary>GSO: bytes of data in a segment. Multicast: the first two bytes of the address.</summary>
    public ushort Size;

    /// <summary>GSO: the protocol of the segments. Multicast: the third byte of the address.</summary>
    public byte Kind;

    public byte Pad;
    public ushort Features;

    public static ExtraInfo Multicast(bool joins, MacAddress address)
    {
        ExtraInfo extra = new() { Type = joins ? NetProtocol.ExtraMulticastAdd : NetProtocol.ExtraMulticastDelete };
        address.CopyTo(MemoryMarshal.AsBytes(new Span<ExtraInfo>(ref extra))[2..]);
        return extra;
    }

    /// <summary>The address of a request for a multicast address.</summary>
    public readonly MacAddress ReadMulticast()
    {
        ExtraInfo copy = this;
        return new(MemoryMarshal.AsBytes(new ReadOnlySpan<ExtraInfo>(in copy))[2..]);
    }
}
