using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Pages that other domains have granted to this one, mapped for the program. They appear in the window of <see cref="SharedPages"/>, at
/// guest frames above those of the grant table. A slot is one of these frames, counted from the first.
/// </summary>
/// <remarks>
/// <para>The frames are dense, because each 2 MiB of them costs the domain a page of Xen's memory for second-level tables, and they are
/// never RAM, because Xen would replace the RAM.</para>
/// <para>The nucleus's own entry for a page is removed before Xen is asked to end the mapping: afterwards an access through it would read
/// ones, and fault nowhere. Likewise the entry of a read-only mapping is read-only, since Xen discards a forbidden write without a fault.
/// A mapping that Xen does not end is quarantined: its slot is not used again in this domain.</para>
/// </remarks>
internal static unsafe class ForeignPages
{
    /// <summary>The largest number of pages mapped at once: 128 MiB. Xen allows 262,144 by default (max_maptrack_frames).</summary>
    public const uint Capacity = SlotFrames * SlotsPerFrame;

    /// <summary>The number of mappings that one hypercall begins or ends. Their structures lie on the nucleus's stack.</summary>
    public const int Batch = 32;

    private const int SlotFrames = 64;
    private const uint SlotsPerFrame = 512;

    // Values of Slot.Next for a slot that is not free. The last free slot has None.
    private const uint None = uint.MaxValue;
    private const uint InUse = uint.MaxValue - 1;
    private const uint Quarantined = uint.MaxValue - 2;

    private static Frames s_frames;
    private static uint s_slots;

    // The first free slot plus 1, so that zeroed memory is an empty list.
    private static uint s_free;

    /// <summary>Pages that the program has mapped.</summary>
    public static uint Mapped { get; private set; }

    /// <summary>Slots whose mapping Xen did not end, or did not clearly refuse.</summary>
    public static uint Stuck { get; private set; }

    /// <summary>The guest frame number of slot 0.</summary>
    public static ulong FirstFrame => MemoryMap.FirstFrameWithoutRam + 1 + GrantTable.MaximumFrames;

    /// <summary>Whether a guest frame number is that of a slot.</summary>
    public static bool Contains(ulong frame) => frame - FirstFrame < Capacity;

    /// <summary>Where the program sees the page of a slot.</summary>
    public static ulong AddressOf(uint slot) => SharedPages.WindowStart + ((FirstFrame + slot) * Pages.Size);

    /// <summary>Maps granted pages.</summary>
    /// <param name="records">What to map, at most <see cref="Batch"/>; each receives its status, and its slot if it is mapped.</param>
    /// <param name="count">The number of <paramref name="records"/>.</param>
    public static void Map(ForeignPageRecord* records, int count)
    {
        gnttab_map_grant_ref* operations = stackalloc gnttab_map_grant_ref[Batch];
        int* origins = stackalloc int[Batch];
        int used = 0;
        for (int i = 0; i < count; i++)
        {
            ForeignPageRecord* record = records + i;
            record->Status = GrantStatus.GNTST_no_space;
            if (!TryTake(out uint slot))
            {
                continue;
            }

            origins[used] = i;
            record->Slot = slot;
            operations[used++] = new gnttab_map_grant_ref
            {
                host_addr = (FirstFrame + slot) * Pages.Size,
                flags = GrantTableOp.GNTMAP_host_map | (record->IsReadOnly != 0 ? GrantTableOp.GNTMAP_readonly : 0),
                @ref = record->Reference,
                dom = record->Domain,

                // Where Xen refuses the whole call, it writes no status.
                status = (short)GrantStatus.GNTST_general_error,
            };
        }

        // The call's own result says nothing that the statuses do not say: operations before the one where it stopped are done.
        if (used > 0)
        {
            _ = GrantTableOp.Map(operations, (uint)used);
        }

        for (int i = 0; i < used; i++)
        {
            ForeignPageRecord* record = records + origins[i];
            record->Status = Known(operations[i].status);
            if (record->Status == GrantStatus.GNTST_okay)
            {
                Show((uint)record->Slot, operations[i].handle, record->IsReadOnly != 0);
            }
        }

        // After those that are mapped, since this frees page tables without a page.
        for (int i = 0; i < used; i++)
        {
            ForeignPageRecord* record = records + origins[i];
            if (record->Status != GrantStatus.GNTST_okay)
            {
                GiveUp((uint)record->Slot, isAnswered: (short)record->Status == operations[i].status);
            }
        }
    }

    /// <summary>Ends mappings.</summary>
    /// <param name="records">
    /// Their slots, at most <see cref="Batch"/>; each receives its status: GNTST_bad_handle if the slot maps nothing, such as one that
    /// comes twice. A slot whose mapping Xen does not end is lost until the next resume.
    /// </param>
    /// <param name="count">The number of <paramref name="records"/>.</param>
    public static void Unmap(ForeignPageRecord* records, int count)
    {
        gnttab_unmap_grant_ref* operations = stackalloc gnttab_unmap_grant_ref[Batch];
        int* origins = stackalloc int[Batch];
        int used = 0;
        for (int i = 0; i < count; i++)
        {
            ForeignPageRecord* record = records + i;
            Slot* slot = record->Slot < s_slots ? At((uint)record->Slot) : null;
            if (slot == null || slot->Next != InUse)
            {
                record->Status = GrantStatus.GNTST_bad_handle;
                continue;
            }

            // Out of use before Xen's answer, so that the same slot further on in the batch is refused.
            slot->Next = Quarantined;
            Mapped--;
            Stuck++;
            ulong address = AddressOf((uint)record->Slot);
            _ = PageTable.Unmap(address, address + Pages.Size);
            origins[used] = i;
            operations[used++] = new gnttab_unmap_grant_ref
            {
                host_addr = (FirstFrame + record->Slot) * Pages.Size,
                handle = slot->Handle,
                status = (short)GrantStatus.GNTST_general_error,
            };
        }

        if (used > 0)
        {
            _ = GrantTableOp.Unmap(operations, (uint)used);
        }

        for (int i = 0; i < used; i++)
        {
            ForeignPageRecord* record = records + origins[i];
            record->Status = Known(operations[i].status);
            if (record->Status == GrantStatus.GNTST_okay)
            {
                Stuck--;
                Free((uint)record->Slot);
            }
        }
    }

    /// <summary>After a resume: the new domain has no mappings, not even those that were stuck.</summary>
    public static void Forget()
    {
        _ = PageTable.Unmap(AddressOf(0), AddressOf(s_slots));
        Mapped = 0;
        Stuck = 0;
        s_free = 0;
        for (uint slot = s_slots; slot > 0; slot--)
        {
            Free(slot - 1);
        }
    }

    /// <summary>A status of Xen, or GNTST_general_error for one that grant_table.h does not have.</summary>
    public static GrantStatus Known(short status) =>
        status is > 0 or < (short)GrantStatus.GNTST_no_space ? GrantStatus.GNTST_general_error : (GrantStatus)status;

    /// <summary>Makes a mapped page the program's.</summary>
    private static void Show(uint slot, uint handle, bool isReadOnly)
    {
        const ulong access = PageTable.Present | PageTable.NoExecute | PageTable.NotOwned;

        // Cannot fail: TryTake has made the tables.
        _ = PageTable.Map(AddressOf(slot), ((FirstFrame + slot) * Pages.Size) | access | (isReadOnly ? 0 : PageTable.Writable));
        *At(slot) = new Slot { Handle = handle, Next = InUse };
        Mapped++;
    }

    /// <summary>Gives up a slot that is not mapped. After an answer without a meaning, its page may be mapped or not.</summary>
    private static void GiveUp(uint slot, bool isAnswered)
    {
        ulong address = AddressOf(slot);
        _ = PageTable.Unmap(address, address + Pages.Size);
        if (isAnswered)
        {
            Free(slot);
        }
        else
        {
            Stuck++;
        }
    }

    /// <summary>Takes a free slot and makes its page tables. Returns false if there is no slot or no memory.</summary>
    private static bool TryTake(out uint slot)
    {
        slot = s_free - 1;
        if ((s_free == 0 && !TryGrow()) || !SharedPages.HasWindow())
        {
            return false;
        }

        slot = s_free - 1;
        ulong address = AddressOf(slot);
        if (address + Pages.Size > SharedPages.WindowStart + SharedPages.WindowSize || !PageTable.TryCover(address, address + Pages.Size))
        {
            return false;
        }

        uint next = At(slot)->Next;
        s_free = next == None ? 0 : next + 1;
        At(slot)->Next = Quarantined;
        return true;
    }

    private static void Free(uint slot)
    {
        *At(slot) = new Slot { Next = s_free == 0 ? None : s_free - 1 };
        s_free = slot + 1;
    }

    private static bool TryGrow()
    {
        if (s_slots == Capacity)
        {
            return false;
        }

        ulong frame = MemoryCharge.AllocateForNucleus();
        if (frame == 0)
        {
            return false;
        }

        *FrameAt(s_slots / SlotsPerFrame) = frame;
        uint first = s_slots;
        s_slots += SlotsPerFrame;
        for (uint slot = s_slots; slot > first; slot--)
        {
            Free(slot - 1);
        }

        return true;
    }

    private static Slot* At(uint slot) => (Slot*)DirectMap.Words(*FrameAt(slot / SlotsPerFrame)) + (slot % SlotsPerFrame);

    private static ulong* FrameAt(uint index) => (ulong*)Unsafe.AsPointer(ref s_frames) + index;

    [InlineArray(SlotFrames)]
    private struct Frames
    {
        private ulong _first;
    }

    private struct Slot
    {
        /// <summary>Xen's handle of the mapping.</summary>
        public uint Handle;

        /// <summary>The next free slot, or the slot's state.</summary>
        public uint Next;
    }
}
