using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// The domain's grant table, version 1 (grant_table.h): which other domain may map which page of this one. It grows by a frame when all its
/// references are in use.
/// </summary>
/// <remarks>
/// Xen reads and writes the entries at any time on behalf of the other domain. Free references are linked through the frame field of their
/// entries, which Xen ignores while an entry grants nothing. After a resume the table is new and empty: see <see cref="Forget"/>.
/// </remarks>
internal static unsafe class GrantTable
{
    /// <summary>
    /// GNTTAB_NR_RESERVED_ENTRIES: references that the tool stack fills in, including those of the console and of xenstore.
    /// </summary>
    public const uint GNTTAB_NR_RESERVED_ENTRIES = 8;

    /// <summary>
    /// Guest frames that are kept for the table, and the most that it may have, whatever Xen allows: other pages lie right above them.
    /// Xen's default limit is 64 (gnttab_max_frames).
    /// </summary>
    public const uint MaximumFrames = 4096;

    /// <summary>The number of entries in one frame of the table.</summary>
    public const uint EntriesPerFrame = 512;

    public const ushort GTF_permit_access = 1;
    public const ushort GTF_type_mask = 3;
    public const ushort GTF_readonly = 1 << 2;

    /// <summary>Set by Xen while the other domain has the page mapped for reading.</summary>
    public const ushort GTF_reading = 1 << 3;

    /// <summary>Set by Xen while the other domain has the page mapped for writing.</summary>
    public const ushort GTF_writing = 1 << 4;

    // Each failed exchange means that the other domain mapped or unmapped the page in between.
    private const int MaximumTries = 16;

    private static grant_entry_v1* s_entries;
    private static ulong s_firstFrame;
    private static uint s_frameCount;
    private static uint s_maximumFrames;

    // The first free reference, or 0.
    private static uint s_free;

    /// <summary>References in use, including those that cannot be ended because the other domain keeps its mapping.</summary>
    public static uint InUse { get; private set; }

    /// <summary>Whether <see cref="Initialise"/> has succeeded.</summary>
    public static bool IsReady => s_entries != null;

    /// <summary>After a resume: all grants have ended. The new table is unknown until <see cref="Initialise"/>.</summary>
    public static void Forget()
    {
        s_entries = null;
        s_frameCount = 0;
        s_free = 0;
        InUse = 0;
    }

    /// <summary>Prepares a table without frames.</summary>
    /// <param name="entries">Where to map the table: unused, page-aligned addresses with room for all its frames.</param>
    /// <param name="firstFrame">Guest frame number for the table's first frame; the others follow. These frames must have no RAM.</param>
    /// <returns>0 or a negative errno.</returns>
    public static long Initialise(void* entries, ulong firstFrame)
    {
        // A hypervisor without this operation knows only version 1.
        if (GrantTableOp.GetVersion(out uint version) >= 0 && version != 1)
        {
            long changed = GrantTableOp.SetVersion(1, out version);
            if (changed < 0 || version != 1)
            {
                return changed < 0 ? changed : -Errno.EOPNOTSUPP;
            }
        }

        long result = GrantTableOp.QuerySize(out _, out s_maximumFrames, out GrantStatus status);
        if (result < 0 || status != GrantStatus.GNTST_okay)
        {
            return result < 0 ? result : -Errno.EIO;
        }

        s_maximumFrames = Math.Min(s_maximumFrames, MaximumFrames);
        s_firstFrame = firstFrame;
        s_entries = (grant_entry_v1*)entries;
        return 0;
    }

    /// <summary>Grants another domain access to a page.</summary>
    /// <param name="domain">The domain. Not a reserved id such as DOMID_SELF, which Xen would compare literally.</param>
    /// <param name="frame">Guest frame number of the page.</param>
    /// <param name="readOnly">Whether the domain may only read.</param>
    /// <returns>The grant reference or a negative errno: -ENOSPC if the table is full and may not grow.</returns>
    public static long Grant(ushort domain, ulong frame, bool readOnly)
    {
        if (domain >= DomainId.DOMID_FIRST_RESERVED || frame > uint.MaxValue)
        {
            return -Errno.EINVAL;
        }

        if (s_free == 0)
        {
            long error = Grow();
            if (error < 0)
            {
                return error;
            }
        }

        uint reference = s_free;
        grant_entry_v1* entry = s_entries + reference;
        s_free = entry->frame;
        InUse++;

        // grant_table.h: write the domain and the frame, then a write barrier, and last the flags that make Xen look at the others.
        Volatile.Write(ref entry->domid, domain);
        Volatile.Write(ref entry->frame, (uint)frame);
        Volatile.Write(ref entry->flags, (ushort)(GTF_permit_access | (readOnly ? GTF_readonly : 0)));
        return reference;
    }

    /// <summary>Ends a grant, unless the other domain has the page mapped.</summary>
    /// <param name="reference">The grant reference. It is free again if the call succeeds.</param>
    /// <param name="frame">The guest frame number that was granted.</param>
    /// <returns>
    /// 0; -EBUSY while the other domain has the page mapped, which must then not be reused; -EINVAL if this is not a grant of the nucleus.
    /// </returns>
    public static long End(ulong reference, out ulong frame)
    {
        frame = 0;
        if (reference < GNTTAB_NR_RESERVED_ENTRIES || reference >= (ulong)s_frameCount * EntriesPerFrame)
        {
            return -Errno.EINVAL;
        }

        // Flags and domain form one word, which Xen also exchanges as a whole.
        grant_entry_v1* entry = s_entries + reference;
        int* word = (int*)entry;
        int seen = Volatile.Read(ref *word);
        if ((seen & GTF_type_mask) == 0)
        {
            return -Errno.EINVAL;
        }

        for (int tries = 0; tries < MaximumTries && (seen & (GTF_reading | GTF_writing)) == 0; tries++)
        {
            int previous = Interlocked.CompareExchange(ref *word, 0, seen);
            if (previous == seen)
            {
                frame = entry->frame;
                entry->frame = s_free;
                s_free = (uint)reference;
                InUse--;
                return 0;
            }

            seen = previous;
        }

        return -Errno.EBUSY;
    }

    private static long Grow()
    {
        if (s_frameCount >= s_maximumFrames)
        {
            return -Errno.ENOSPC;
        }

        uint first = s_frameCount * EntriesPerFrame;
        ulong frame = s_firstFrame + s_frameCount;
        const ulong access = PageTable.Present | PageTable.Writable | PageTable.NoExecute | PageTable.NotOwned;
        if (!PageTable.Map((ulong)(s_entries + first), (frame * Pages.Size) | access))
        {
            return -Errno.ENOMEM;
        }

        long result = MemoryOp.AddToPhysmap(MemoryOp.XENMAPSPACE_grant_table, s_frameCount, frame);
        if (result < 0)
        {
            return result;
        }

        s_frameCount++;
        uint lowest = Math.Max(first, GNTTAB_NR_RESERVED_ENTRIES);
        for (uint reference = first + EntriesPerFrame - 1; reference >= lowest; reference--)
        {
            // References that the tool stack has granted for this domain must not be given out.
            if (Volatile.Read(ref s_entries[reference].flags) == 0)
            {
                s_entries[reference].frame = s_free;
                s_free = reference;
            }
        }

        return s_free != 0 ? 0 : -Errno.ENOSPC;
    }
}

/// <summary>One entry of a version 1 grant table (grant_table.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct grant_entry_v1
{
    /// <summary>GTF_ flags.</summary>
    public ushort flags;

    /// <summary>The domain that may map the page.</summary>
    public ushort domid;

    /// <summary>Guest frame number of the page.</summary>
    public uint frame;
}
