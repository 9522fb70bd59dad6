using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel;

/// <summary>Pages of other domains, through the nucleus.</summary>
internal sealed unsafe class XenForeignPages : IForeignPages
{
    /// <summary>The name of this facility in messages.</summary>
    public const string What = "pages of other domains";

    private const int Batch = (int)NucleusCallForeign.MaximumRecords;

    private long _firstHandle;

    /// <summary>The smallest handle of the domain's current generation. Mappings with smaller handles have ended.</summary>
    public long FirstHandle => Volatile.Read(ref _firstHandle);

    public int StuckPages => XenHypervisor.Facts.IsPresent
        ? (int)Guest.Read().StuckForeignPages
        : throw NucleusError.ToException(-Errno.ENODEV, What, "");

    public void Map(
        ushort domain, ReadOnlySpan<uint> references, bool isReadOnly, Span<IForeignPage?> pages, Span<GrantResult> results)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages.Length, references.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(results.Length, references.Length);
        Span<ForeignPageRecord> records = stackalloc ForeignPageRecord[Math.Min(references.Length, Batch)];
        for (int done = 0; done < references.Length; done += Batch)
        {
            Span<ForeignPageRecord> part = records[..Math.Min(Batch, references.Length - done)];
            for (int i = 0; i < part.Length; i++)
            {
                part[i] = new() { Domain = domain, Reference = references[done + i], IsReadOnly = isReadOnly ? 1u : 0 };
            }

            Invoke(NucleusCall.MapForeignPages, part, "mapping", domain);
            for (int i = 0; i < part.Length; i++)
            {
                results[done + i] = (GrantResult)part[i].Status;
                pages[done + i] = part[i].Status == GrantStatus.GNTST_okay ? new ForeignPage(this, part[i]) : null;
            }
        }
    }

    public bool Unmap(ReadOnlySpan<IForeignPage> pages)
    {
        Span<ForeignPageRecord> records = stackalloc ForeignPageRecord[Math.Min(pages.Length, Batch)];
        int count = 0;
        bool isGood = true;
        foreach (IForeignPage page in pages)
        {
            ForeignPage mapped = (ForeignPage)page;
            if (mapped.TryEnd())
            {
                records[count++] = new() { Slot = (ulong)mapped.Handle };
            }

            if (count == records.Length)
            {
                isGood &= Unmap(records);
                count = 0;
            }
        }

        return isGood & Unmap(records[..count]);
    }

    public void CopyFrom(ushort domain, Span<GrantCopy> copies, Span<byte> buffer)
    {
        fixed (byte* memory = buffer)
        {
            Copy(domain, copies, memory, buffer.Length, isToForeign: false);
        }
    }

    public void CopyTo(ushort domain, Span<GrantCopy> copies, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* memory = buffer)
        {
            Copy(domain, copies, memory, buffer.Length, isToForeign: true);
        }
    }

    public void CopyBetween(ushort source, ushort destination, Span<GrantTransfer> transfers, ReadOnlySpan<byte> buffer)
    {
        Span<ForeignCopyRecord> records = stackalloc ForeignCopyRecord[Math.Min(transfers.Length, Batch)];
        fixed (byte* memory = buffer)
        {
            for (int done = 0; done < transfers.Length; done += Batch)
            {
                Span<ForeignCopyRecord> part = records[..Math.Min(Batch, transfers.Length - done)];
                for (int i = 0; i < part.Length; i++)
                {
                    GrantTransfer transfer = transfers[done + i];
                    if (transfer.IsFromBuffer)
                    {
                        ThrowUnlessInside(transfer.SourceOffset, transfer.Length, buffer.Length, nameof(transfers));
                    }

                    part[i] = new()
                    {
                        Address = transfer.IsFromBuffer ? (ulong)(memory + transfer.SourceOffset) : 0,
                        HasSource = transfer.IsFromBuffer ? 0u : 1,
                        SourceDomain = source,
                        SourceReference = transfer.SourceReference,
                        SourceOffset = (uint)transfer.SourceOffset,
                        Domain = destination,
                        Reference = transfer.Reference,
                        Offset = (uint)transfer.Offset,
                        Length = (uint)transfer.Length,
                    };
                }

                Invoke(NucleusCall.CopyForeignPages, part, "copying", destination, argument: 1);
                for (int i = 0; i < part.Length; i++)
                {
                    transfers[done + i].Result = (GrantResult)part[i].Status;
                }
            }
        }
    }

    /// <summary>The domain was resumed: all earlier mappings have ended.</summary>
    /// <param name="firstHandle">The smallest handle of the new generation.</param>
    public void OnResumed(long firstHandle) => Volatile.Write(ref _firstHandle, firstHandle);

    private static bool Unmap(Span<ForeignPageRecord> records)
    {
        Invoke(NucleusCall.UnmapForeignPages, records, "unmapping", null);
        bool isGood = true;
        foreach (ForeignPageRecord record in records)
        {
            isGood &= record.Status == GrantStatus.GNTST_okay;
        }

        return isGood;
    }

    private static void Copy(ushort domain, Span<GrantCopy> copies, byte* memory, int size, bool isToForeign)
    {
        Span<ForeignCopyRecord> records = stackalloc ForeignCopyRecord[Math.Min(copies.Length, Batch)];
        for (int done = 0; done < copies.Length; done += Batch)
        {
            Span<ForeignCopyRecord> part = records[..Math.Min(Batch, copies.Length - done)];
            for (int i = 0; i < part.Length; i++)
            {
                GrantCopy copy = copies[done + i];
                ThrowUnlessInside(copy.BufferOffset, copy.Length, size, nameof(copies));
                part[i] = new()
                {
                    Address = (ulong)(memory + copy.BufferOffset),
                    Domain = domain,
                    Reference = copy.Reference,
                    Offset = (uint)copy.Offset,
                    Length = (uint)copy.Length,
                };
            }

            Invoke(NucleusCall.CopyForeignPages, part, "copying", domain, isToForeign ? 1u : 0);
            for (int i = 0; i < part.Length; i++)
            {
                copies[done + i].Result = (GrantResult)part[i].Status;
            }
        }
    }

    private static void ThrowUnlessInside(int offset, int length, int size, string name)
    {
        if (offset < 0 || length < 0 || offset > size - length)
        {
            throw new ArgumentException($"{length} bytes at {offset} are not in a buffer of {size}", name);
        }
    }

    private static void Invoke<T>(int call, Span<T> records, string operation, ushort? domain, ulong argument = 0)
        where T : unmanaged
    {
        if (records.IsEmpty)
        {
            return;
        }

        fixed (T* first = records)
        {
            long answer = NucleusSystemCall.Invoke(call, (ulong)first, (ulong)records.Length, argument);
            if (answer < 0)
            {
                string whose = domain is null ? "pages of other domains" : $"pages of domain {domain}";
                throw NucleusError.ToException(answer, What, $"{operation} {whose}");
            }
        }
    }
}
