using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>Pages that other domains have granted to this one.</summary>
internal static unsafe class NucleusCallForeign
{
    /// <summary>The largest number of records of a call, in which nothing else runs: 256 KiB to copy.</summary>
    public const ulong MaximumRecords = 64;

    public static long Map(ulong address, ulong count)
    {
        long error = Prepare(address, count, (ulong)sizeof(ForeignPageRecord));
        if (error < 0)
        {
            return error;
        }

        ForeignPageRecord* records = (ForeignPageRecord*)address;
        for (int done = 0; done < (int)count; done += ForeignPages.Batch)
        {
            ForeignPages.Map(records + done, Math.Min((int)count - done, ForeignPages.Batch));
        }

        for (int i = 0; i < (int)count; i++)
        {
            if (records[i].Status == GrantStatus.GNTST_okay)
            {
                records[i].Address = ForeignPages.AddressOf((uint)records[i].Slot);
                records[i].Slot = (ulong)DomainGeneration.Handle((uint)records[i].Slot);
            }
        }

        return 0;
    }

    public static long Unmap(ulong address, ulong count)
    {
        long error = Prepare(address, count, (ulong)sizeof(ForeignPageRecord));
        if (error < 0)
        {
            return error;
        }

        ForeignPageRecord* records = (ForeignPageRecord*)address;
        for (int i = 0; i < (int)count; i++)
        {
            // A mapping of an earlier generation has ended. Its slot may be another one's.
            records[i].Slot = DomainGeneration.IsStale(records[i].Slot) ? ulong.MaxValue : DomainGeneration.NumberOf(records[i].Slot);
        }

        for (int done = 0; done < (int)count; done += ForeignPages.Batch)
        {
            ForeignPages.Unmap(records + done, Math.Min((int)count - done, ForeignPages.Batch));
        }

        return 0;
    }

    public static long Copy(ulong address, ulong count, ulong toForeign)
    {
        long error = toForeign > 1 ? -Errno.EINVAL : Prepare(address, count, (ulong)sizeof(ForeignCopyRecord));
        return error < 0 ? error : ForeignCopy.Run((ForeignCopyRecord*)address, (int)count, toForeign != 0);
    }

    private static long Prepare(ulong address, ulong count, ulong size) =>
        count is 0 or > MaximumRecords ? -Errno.EINVAL : ProgramMemory.PrepareWrite(address, count * size);
}
