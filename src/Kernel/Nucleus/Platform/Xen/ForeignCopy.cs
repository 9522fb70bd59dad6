using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Copies between the program's memory and pages that other domains have granted, or from one such page to another, by Xen
/// (GNTTABOP_copy): nothing is mapped, and the other domains see nothing of the program's pages.
/// </summary>
internal static unsafe class ForeignCopy
{
    /// <summary>
    /// The number of operations of one hypercall. A part takes two where the program's memory crosses a page.
    /// </summary>
    public const int Batch = 32;

    // The operations' structures. Xen reads and answers each of them through this domain's page tables, which has one table less in the
    // direct map, with its large pages, than on a stack. No other call runs meanwhile.
    private static gnttab_copy* s_operations;

    /// <summary>Copies each part, and writes its status.</summary>
    /// <param name="records">The parts.</param>
    /// <param name="count">The number of <paramref name="records"/>.</param>
    /// <param name="toForeign">Whether the other domains' pages are written.</param>
    /// <returns>0, or -EFAULT or -ENOMEM for memory that is not the program's or cannot be made present; then nothing is copied.</returns>
    public static long Run(ForeignCopyRecord* records, int count, bool toForeign)
    {
        for (int i = 0; i < count; i++)
        {
            ForeignCopyRecord* record = records + i;
            record->Status = IsValid(record, toForeign) ? GrantStatus.GNTST_okay : GrantStatus.GNTST_bad_copy_arg;
            if (record->Status == GrantStatus.GNTST_okay && record->HasSource == 0)
            {
                long error = toForeign
                    ? ProgramMemory.PrepareRead(record->Address, record->Length)
                    : ProgramMemory.PrepareWrite(record->Address, record->Length);
                if (error < 0)
                {
                    return error;
                }
            }
        }

        if (!TryFindRoom())
        {
            return -Errno.ENOMEM;
        }

        gnttab_copy* operations = s_operations;
        int* origins = stackalloc int[Batch];
        int used = 0;
        for (int i = 0; i < count; i++)
        {
            ForeignCopyRecord* record = records + i;
            if (record->Status != GrantStatus.GNTST_okay)
            {
                continue;
            }

            if (used > Batch - 2)
            {
                Issue(records, operations, origins, used);
                used = 0;
            }

            uint first = record->HasSource != 0
                ? record->Length : (uint)Math.Min(record->Length, Pages.Size - (record->Address % Pages.Size));
            origins[used] = i;
            operations[used++] = Operation(record, 0, first, toForeign);
            if (first < record->Length)
            {
                origins[used] = i;
                operations[used++] = Operation(record, first, record->Length - first, toForeign);
            }
        }

        Issue(records, operations, origins, used);
        return 0;
    }

    /// <summary>Finds the structures' frame, for good; most domains copy nothing.</summary>
    private static bool TryFindRoom()
    {
        if (s_operations == null)
        {
            ulong frame = MemoryCharge.AllocateForNucleus();
            s_operations = frame == 0 ? null : (gnttab_copy*)DirectMap.Bytes(frame);
        }

        return s_operations != null;
    }

    /// <summary>The parts of pages that the fields of gnttab_copy can name. Xen checks that they stay in the page; so does this.</summary>
    private static bool IsValid(ForeignCopyRecord* record, bool toForeign) =>
        record->Length is > 0 and <= (uint)Pages.Size && record->Offset <= (uint)Pages.Size - record->Length
        && (record->HasSource == 0 || (toForeign && record->SourceOffset <= (uint)Pages.Size - record->Length));

    private static gnttab_copy Operation(ForeignCopyRecord* record, uint skipped, uint length, bool toForeign)
    {
        gnttab_copy_ptr foreign = new()
        {
            @ref = record->Reference,
            domid = record->Domain,
            offset = (ushort)(record->Offset + skipped),
        };
        if (record->HasSource != 0)
        {
            gnttab_copy_ptr source = new()
            {
                @ref = record->SourceReference,
                domid = record->SourceDomain,
                offset = (ushort)record->SourceOffset,
            };
            return new gnttab_copy
            {
                source = source,
                dest = foreign,
                len = (ushort)length,
                flags = GrantTableOp.GNTCOPY_source_gref | GrantTableOp.GNTCOPY_dest_gref,
                status = (short)GrantStatus.GNTST_general_error,
            };
        }

        ulong address = record->Address + skipped;
        gnttab_copy_ptr own = new()
        {
            gmfn = PageTable.FrameOf(*PageTable.Find(Pages.RoundDown(address), create: false)) / Pages.Size,
            domid = DomainId.DOMID_SELF,
            offset = (ushort)(address % Pages.Size),
        };
        return new gnttab_copy
        {
            source = toForeign ? own : foreign,
            dest = toForeign ? foreign : own,
            len = (ushort)length,
            flags = toForeign ? GrantTableOp.GNTCOPY_dest_gref : GrantTableOp.GNTCOPY_source_gref,

            // Where Xen refuses the whole call, it writes no status.
            status = (short)GrantStatus.GNTST_general_error,
        };
    }

    private static void Issue(ForeignCopyRecord* records, gnttab_copy* operations, int* origins, int count)
    {
        if (count == 0)
        {
            return;
        }

        _ = GrantTableOp.Copy(operations, (uint)count);
        for (int i = 0; i < count; i++)
        {
            GrantStatus status = ForeignPages.Known(operations[i].status);
            if (status != GrantStatus.GNTST_okay)
            {
                records[origins[i]].Status = status;
            }
        }
    }
}
