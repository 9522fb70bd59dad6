using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>The memory map that the loader passes in <see cref="StartInfo"/>.</summary>
internal static unsafe class LoaderMemoryMap
{
    /// <summary>Physical addresses have at most 52 bits (AMD64 Architecture Programmer's Manual, volume 2, section 5.3).</summary>
    private const ulong AddressLimit = 1UL << 52;

    /// <summary>
    /// Copies the map's RAM into <see cref="MemoryMap"/>. Ranges beyond the thirty-second are not used, which is logged. Ranges that no
    /// processor can address are ignored silently; their ends might wrap around to other addresses.
    /// </summary>
    public static void Read(StartInfo* info)
    {
        if (info->Version == 0 || info->MemoryMapEntries == 0)
        {
            Panic.Halt("the loader passed no memory map: Xen 4.11 or later is needed"u8);
        }

        MemoryMapEntry* entries = (MemoryMapEntry*)info->MemoryMapAddress;
        for (uint i = 0; i < info->MemoryMapEntries; i++)
        {
            if (entries[i].Type != MemoryMapEntry.XEN_HVM_MEMMAP_TYPE_RAM
                || entries[i].Address > AddressLimit || entries[i].Size > AddressLimit - entries[i].Address)
            {
                continue;
            }

            ulong start = Pages.RoundUp(entries[i].Address);
            ulong end = Pages.RoundDown(entries[i].Address + entries[i].Size);
            if (end > start && !MemoryMap.TryAdd(start, end))
            {
                KernelLog.Write("xenlet: more than 32 ranges of memory; the rest is not used\n"u8);
                break;
            }
        }
    }
}
