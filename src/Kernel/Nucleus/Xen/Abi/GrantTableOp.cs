using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>HYPERVISOR_grant_table_op: shares pages with other domains (grant_table.h).</summary>
/// <remarks>
/// The hypercall takes an array of operations. It returns 0 or a negative errno; each operation has its own <see cref="GrantStatus"/>. The
/// table itself is mapped with XENMEM_add_to_physmap, space XENMAPSPACE_grant_table.
/// </remarks>
internal static unsafe class GrantTableOp
{
    public const uint GNTTABOP_map_grant_ref = 0;
    public const uint GNTTABOP_unmap_grant_ref = 1;
    public const uint GNTTABOP_copy = 5;
    public const uint GNTTABOP_query_size = 6;
    public const uint GNTTABOP_set_version = 8;
    public const uint GNTTABOP_get_version = 10;

    /// <summary>gnttab_map_grant_ref.flags: map for the processor, at host_addr.</summary>
    public const uint GNTMAP_host_map = 1 << 1;

    /// <summary>gnttab_map_grant_ref.flags: map read-only.</summary>
    public const uint GNTMAP_readonly = 1 << 2;

    /// <summary>gnttab_copy.flags: the source is a grant reference, not a frame of this domain.</summary>
    public const ushort GNTCOPY_source_gref = 1 << 0;

    /// <summary>gnttab_copy.flags: the destination is a grant reference, not a frame of this domain.</summary>
    public const ushort GNTCOPY_dest_gref = 1 << 1;

    /// <summary>GNTTABOP_query_size: the number of frames that the table has and may have.</summary>
    public static long QuerySize(out uint frames, out uint maximumFrames, out GrantStatus status)
    {
        gnttab_query_size argument = new() { dom = DomainId.DOMID_SELF };
        long result = Invoke(GNTTABOP_query_size, &argument, 1);
        frames = argument.nr_frames;
        maximumFrames = argument.max_nr_frames;
        status = (GrantStatus)argument.status;
        return result;
    }

    /// <summary>GNTTABOP_set_version: selects entry format 1 or 2 while no grant is active.</summary>
    /// <param name="version">The requested version.</param>
    /// <param name="actual">The version in effect afterwards.</param>
    public static long SetVersion(uint version, out uint actual)
    {
        gnttab_set_version argument = new() { version = version };
        long result = Invoke(GNTTABOP_set_version, &argument, 1);
        actual = argument.version;
        return result;
    }

    /// <summary>GNTTABOP_get_version: the entry format in effect.</summary>
    public static long GetVersion(out uint version)
    {
        gnttab_get_version argument = new() { dom = DomainId.DOMID_SELF };
        long result = Invoke(GNTTABOP_get_version, &argument, 1);
        version = argument.version;
        return result;
    }

    /// <summary>
    /// GNTTABOP_copy: copies within pages, by grant reference or frame. Check each operation's status, and retry on GNTST_eagain.
    /// </summary>
    public static long Copy(gnttab_copy* operations, uint count) => Invoke(GNTTABOP_copy, operations, count);

    /// <summary>GNTTABOP_map_grant_ref: maps granted pages at guest physical addresses.</summary>
    public static long Map(gnttab_map_grant_ref* operations, uint count) => Invoke(GNTTABOP_map_grant_ref, operations, count);

    /// <summary>GNTTABOP_unmap_grant_ref: ends mappings by the handles that mapping returned.</summary>
    public static long Unmap(gnttab_unmap_grant_ref* operations, uint count) => Invoke(GNTTABOP_unmap_grant_ref, operations, count);

    private static long Invoke(uint operation, void* operations, uint count) =>
        Hypercall.Invoke(HypercallNumber.__HYPERVISOR_grant_table_op, operation, (ulong)operations, count);
}

/// <summary>Argument of GNTTABOP_query_size (grant_table.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct gnttab_query_size
{
    public ushort dom;
    public uint nr_frames;
    public uint max_nr_frames;
    public short status;
}

/// <summary>Argument of GNTTABOP_set_version (grant_table.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct gnttab_set_version
{
    public uint version;
}

/// <summary>Argument of GNTTABOP_get_version (grant_table.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct gnttab_get_version
{
    public ushort dom;
    public ushort pad;
    public uint version;
}

/// <summary>One end of a <see cref="gnttab_copy"/> (grant_table.h).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct gnttab_copy_ptr
{
    /// <summary>u.ref: a grant reference of <see cref="domid"/>.</summary>
    [FieldOffset(0)]
    public uint @ref;

    /// <summary>u.gmfn: a guest frame number.</summary>
    [FieldOffset(0)]
    public ulong gmfn;

    [FieldOffset(8)]
    public ushort domid;

    /// <summary>Byte offset within the page.</summary>
    [FieldOffset(10)]
    public ushort offset;
}

/// <summary>One operation of GNTTABOP_copy (grant_table.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct gnttab_copy
{
    public gnttab_copy_ptr source;
    public gnttab_copy_ptr dest;

    /// <summary>Size in bytes. Neither end may cross its page.</summary>
    public ushort len;

    /// <summary>GNTCOPY_ flags.</summary>
    public ushort flags;

    /// <summary>Out: <see cref="GrantStatus"/>.</summary>
    public short status;
}

/// <summary>One operation of GNTTABOP_map_grant_ref (grant_table.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct gnttab_map_grant_ref
{
    /// <summary>Guest physical address at which to map the page.</summary>
    public ulong host_addr;

    /// <summary>GNTMAP_ flags.</summary>
    public uint flags;
    public uint @ref;
    public ushort dom;

    /// <summary>Out: <see cref="GrantStatus"/>.</summary>
    public short status;

    /// <summary>Out: identifies the mapping when it is ended.</summary>
    public uint handle;
    public ulong dev_bus_addr;
}

/// <summary>One operation of GNTTABOP_unmap_grant_ref (grant_table.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct gnttab_unmap_grant_ref
{
    public ulong host_addr;
    public ulong dev_bus_addr;
    public uint handle;

    /// <summary>Out: <see cref="GrantStatus"/>.</summary>
    public short status;
}
