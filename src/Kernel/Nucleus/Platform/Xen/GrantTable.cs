using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// The domain's grant table, version 1 (grant_table.h): which other domain may map which of our pages. It grows by a frame when all its
/// references are in use.
/// </summary>
/// <remarks>
/// Xen reads and writes the entries at any time on behalf of the other domain. The free references are linked through the frame field of
/// their entries, at which Xen does not look while an entry grants nothing. After a resume the table is a new and empty one:
/// <see cref="Forget"/>.
/// </remarks>
internal static unsafe class GrantTable
{
    /// <summary>GNTTAB_NR_RESERVED_ENTRIES: references that the tool stack fills in, the console's and xenstore's among them.</summary>
    public const uint ReservedReferences = 8;

    /// <summary>Entries of one frame of the table.</summary>
    public const uint EntriesPerFrame = 512;

    public const ushort GTF_permit_access = 1;
    public const ushort GTF_type_mask = 3;
    public const ushort GTF_readonly = 1 << 2;

    /// <summary>Set by Xen while the other domain has the page mapped for reading.</summary>
    public const ushort GTF_reading = 1 << 3;

    /// <summary>Set by Xen while the other domain has the page mapped for writing.</summary>
    public const ushort GTF_writing = 1 << 4;

    // Each failed exchange means that the other domain has mapped or unmapped the page in between.
    private const int MaximumTries = 16;

    private static grant_entry_v1* s_entries;
    private static ulong s_firstFrame;
    private static uint s_frameCount;
    private static uint s_maximumFrames;

    // The first free reference; 0 for none.
    private static uint s_free;

    /// <summary>References in use, those included whose access the other domain does not let end.</summary>
    public static uint InUse { get; private set; }

    /// <summary>Whether <see cref="Initialise"/> has succeeded.</summary>
    public static bool IsReady => s_entries != null;

    /// <summary>
    /// After a resume: all grants have ended, and there is a new table, of which nothing is known until <see cref="Initialise"/>.
    /// </summary>
    public static void Forget()
    {
        s_entries = null;
        s_frameCount = 0;
        s_free = 0;
        InUse = 0;
    }

    /// <summary>Prepares a table without frames.</summary>
    /// <param name="entries">Where the table shall be seen: page-aligned addresses without use, room for all its frames.</param>
    /// <param name="firstFrame">Guest frame number for the first frame of the table, the next ones following: frames without RAM.</param>
    /// <returns>0 or a negative errno.</returns>
    public static long Initialise(void* entries, ulong firstFrame)
    {
        // A hypervisor without the question knows version 1 only.
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

        s_firstFrame = firstFrame;
        s_entries = (grant_entry_v1*)entries;
        return 0;
    }

    /// <summary>Lets another domain map a page.</summary>
    /// <param name="domain">The domain; no reserved id such as DOMID_SELF, which Xen would compare literally.</param>
    /// <param name="frame">Guest frame number of the page.</param>
    /// <param name="readOnly">Whether it may only read.</param>
    /// <returns>The grant reference, or a negative errno: -ENOSPC when the table is full and may not grow.</returns>
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

        // grant_table.h: the domain, the frame, a write barrier, and last the flags that make Xen look at the others.
        Volatile.Write(ref entry->domid, domain);
        Volatile.Write(ref entry->frame, (uint)frame);
        Volatile.Write(ref entry->flags, (ushort)(GTF_permit_access | (readOnly ? GTF_readonly : 0)));
        return reference;
    }

    /// <summary>Ends a grant, unless the other domain has the page mapped.</summary>
    /// <param name="reference">The grant reference; free again when the call succeeds.</param>
    /// <param name="frame">The guest frame number that was granted.</param>
    /// <returns>0; -EBUSY while the page is mapped by the other domain and must not be reused; -EINVAL for no grant of ours.</returns>
    public static long End(ulong reference, out ulong frame)
    {
        frame = 0;
        if (reference < ReservedReferences || reference >= (ulong)s_frameCount * EntriesPerFrame)
        {
            return -Errno.EINVAL;
        }

        // Flags and domain are one word, which Xen too exchanges as a whole.
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
        uint lowest = Math.Max(first, ReservedReferences);
        for (uint reference = first + EntriesPerFrame - 1; reference >= lowest; reference--)
        {
            // What the tool stack has granted in our name is not ours to give out.
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
    /// <summary>GTF_.</summary>
    public ushort flags;

    /// <summary>The domain that may map the page.</summary>
    public ushort domid;

    /// <summary>Guest frame number of the page.</summary>
    public uint frame;
}
