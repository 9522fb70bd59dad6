using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Where the address space shows physical memory: RAM other than the image at <see cref="Base"/>, device and hypervisor pages at
/// <see cref="DeviceBase"/>. The image is not in the direct map, so its code and constants have no writable alias.
/// </summary>
internal static unsafe class DirectMap
{
    /// <summary>Start of the upper canonical half.</summary>
    public const ulong Base = 0xffff_8000_0000_0000;

    /// <summary>Start of the window for pages that are not RAM.</summary>
    public const ulong DeviceBase = 0xffff_c000_0000_0000;

    // Zero while the boot page tables are in use: they map the first GiB at its physical addresses.
    private static ulong s_offset;

    /// <summary>Switches from the boot page tables to the direct map.</summary>
    public static void Activate() => s_offset = Base;

    /// <summary>The memory of a frame.</summary>
    public static ulong* Words(ulong physical) => (ulong*)(s_offset + physical);

    /// <summary>The memory of a frame.</summary>
    public static byte* Bytes(ulong physical) => (byte*)(s_offset + physical);

    /// <summary>The physical address of memory that <see cref="Words"/> or <see cref="Bytes"/> returned.</summary>
    public static ulong PhysicalOf(void* address) => (ulong)address - s_offset;

    /// <summary>The address at which <see cref="MapDevicePage"/> maps a page.</summary>
    public static void* DevicePage(ulong physical) => (void*)(DeviceBase + physical);

    /// <summary>Maps a page that is not RAM of the allocator (a hypervisor page or device registers) and returns its address.</summary>
    /// <param name="physical">Page-aligned physical address.</param>
    /// <param name="uncached">True for device registers.</param>
    public static void* MapDevicePage(ulong physical, bool uncached)
    {
        ulong address = DeviceBase + physical;
        ulong flags = PageTable.Present | PageTable.Writable | PageTable.NoExecute | PageTable.NotOwned;
        if (uncached)
        {
            flags |= PageTable.WriteThrough | PageTable.CacheDisable;
        }

        if (!PageTable.Map(address, physical | flags))
        {
            Panic.Halt("no memory for the page tables of a hypervisor page"u8);
        }

        return (void*)address;
    }
}
