using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Block;

/// <summary>Constants of Xen's <c>io/blkif.h</c>.</summary>
internal static class BlockProtocol
{
    /// <summary>The unit of every sector number, whatever the disk's sector size.</summary>
    public const int Unit = 512;

    /// <summary>BLKIF_MAX_SEGMENTS_PER_REQUEST.</summary>
    public const int DirectSegments = 11;

    /// <summary>Segments that one page of an indirect request lists.</summary>
    public const int IndirectSegmentsAPage = ISharedPage.Size / 8;

    /// <summary>VDISK_CDROM.</summary>
    public const long InfoCdRom = 1;

    /// <summary>VDISK_REMOVABLE.</summary>
    public const long InfoRemovable = 2;

    /// <summary>VDISK_READONLY.</summary>
    public const long InfoReadOnly = 4;
}

/// <summary>BLKIF_OP_.</summary>
internal enum BlockRequestKind : byte
{
    Read = 0,
    Write = 1,
    WriteBarrier = 2,
    FlushDiskCache = 3,
    Discard = 5,
    Indirect = 6,
}

/// <summary>BLKIF_RSP_.</summary>
internal enum BlockStatus : short
{
    NotSupported = -2,
    Error = -1,
    Okay = 0,
}

/// <summary>struct blkif_request_segment: which part of which page, in units of 512 bytes, both ends included.</summary>
[StructLayout(LayoutKind.Sequential, Size = 8)]
internal struct BlockSegment
{
    public uint Reference;
    public byte First;
    public byte Last;
}

/// <summary>The segments in a direct request.</summary>
[InlineArray(BlockProtocol.DirectSegments)]
internal struct BlockSegments
{
    private BlockSegment _first;
}

/// <summary>
/// struct blkif_request, blkif_request_discard and blkif_request_indirect in their 64-bit layout; all have the same size.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 112)]
internal struct BlockRequest
{
    [FieldOffset(0)]
    public BlockRequestKind Kind;

    /// <summary>Direct requests: their number of segments.</summary>
    [FieldOffset(1)]
    public byte Segments;

    /// <summary>Indirect requests: the operation.</summary>
    [FieldOffset(1)]
    public BlockRequestKind IndirectKind;

    /// <summary>Direct and discard requests: the device number.</summary>
    [FieldOffset(2)]
    public ushort Handle;

    /// <summary>Indirect requests: their number of segments.</summary>
    [FieldOffset(2)]
    public ushort IndirectSegments;

    [FieldOffset(8)]
    public ulong Id;

    [FieldOffset(16)]
    public ulong Sector;

    [FieldOffset(24)]
    public BlockSegments Data;

    /// <summary>Discard requests: their length.</summary>
    [FieldOffset(24)]
    public ulong Sectors;

    /// <summary>Indirect requests: the device number.</summary>
    [FieldOffset(24)]
    public ushort IndirectHandle;

    /// <summary>Indirect requests: the first of eight pages that list the segments. This driver uses only one.</summary>
    [FieldOffset(28)]
    public uint IndirectReference;
}

/// <summary>struct blkif_response.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct BlockResponse
{
    [FieldOffset(0)]
    public ulong Id;

    [FieldOffset(8)]
    public BlockRequestKind Kind;

    [FieldOffset(10)]
    public BlockStatus Status;
}
