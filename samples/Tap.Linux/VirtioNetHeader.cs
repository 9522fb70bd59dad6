using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>What stands before each frame of a TAP device with IFF_VNET_HDR: struct virtio_net_hdr of linux/virtio_net.h.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct VirtioNetHeader
{
    private const byte NeedsChecksum = 1;
    private const byte DataIsValid = 2;
    private const byte GsoTcpV4 = 1;
    private const byte GsoTcpV6 = 4;

    private byte _flags;
    private byte _gsoType;
    private ushort _headerLength;
    private ushort _gsoSize;
    private ushort _checksumStart;
    private ushort _checksumOffset;

    /// <summary>What the header says of a received frame.</summary>
    public readonly PacketOffload ToOffload() => new(
        (_flags & NeedsChecksum) != 0, (_flags & (NeedsChecksum | DataIsValid)) != 0, _gsoType == 0 ? 0 : _gsoSize);

    /// <summary>The header of a frame to be sent, in which TCP or UDP follows the IP header without extension headers.</summary>
    public static VirtioNetHeader Of(PacketBuffer frame)
    {
        PacketOffload offload = frame.Offload;
        if (!offload.IsChecksumPartial && offload.SegmentSize == 0)
        {
            return default;
        }

        ReadOnlySpan<byte> data = frame.Data;
        bool isIPv4 = BinaryPrimitives.ReadUInt16BigEndian(data[12..]) == EtherType.IPv4;
        int ip = EthernetHeader.Size;
        int start = ip + (isIPv4 ? (data[ip] & 15) * 4 : 40);
        bool isTcp = data[isIPv4 ? ip + 9 : ip + 6] == 6;
        VirtioNetHeader header = new()
        {
            _flags = NeedsChecksum,
            _checksumStart = (ushort)start,
            _checksumOffset = (ushort)(isTcp ? 16 : 6),
        };
        if (offload.SegmentSize > 0)
        {
            header._gsoType = isIPv4 ? GsoTcpV4 : GsoTcpV6;
            header._gsoSize = (ushort)offload.SegmentSize;
            header._headerLength = (ushort)(start + ((data[start + 12] >> 4) * 4));
        }

        return header;
    }
}
