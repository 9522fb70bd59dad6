using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Access to the program's memory from system calls. A fault inside the nucleus is a panic, so every page is checked and made present
/// before it is touched.
/// </summary>
internal static unsafe class ProgramMemory
{
    /// <summary>Makes a range readable.</summary>
    /// <returns>
    /// 0; -EFAULT if part of the range does not belong to the program; -ENOMEM if no frame is left for a page or a page table.
    /// </returns>
    public static long PrepareRead(ulong address, ulong length) => Prepare(address, length, write: false);

    /// <summary>Makes a range writable.</summary>
    /// <returns>As <see cref="PrepareRead"/>; also -EFAULT for read-only memory.</returns>
    public static long PrepareWrite(ulong address, ulong length) => Prepare(address, length, write: true);

    /// <summary>
    /// The length of a NUL-terminated string; -ENAMETOOLONG if it has <paramref name="limit"/> bytes or more, or an error of
    /// <see cref="PrepareRead"/>.
    /// </summary>
    public static long StringLength(ulong address, ulong limit)
    {
        for (ulong i = 0; i < limit; i++)
        {
            long error = i == 0 || Pages.IsAligned(address + i) ? PrepareRead(address + i, 1) : 0;
            if (error < 0)
            {
                return error;
            }

            if (((byte*)address)[i] == 0)
            {
                return (long)i;
            }
        }

        return -Errno.ENAMETOOLONG;
    }

    private static long Prepare(ulong address, ulong length, bool write)
    {
        if (length == 0)
        {
            return 0;
        }

        if (address >= AddressSpace.MapEnd || length > AddressSpace.MapEnd - address)
        {
            return -Errno.EFAULT;
        }

        ulong end = address + length;
        if (address < Image.NucleusDataEnd && end > Image.NucleusData)
        {
            // The nucleus's data is mapped and writable like the rest of the image. Only this check keeps it from the program's calls.
            return -Errno.EFAULT;
        }

        ulong needed = PageTable.Present | (write ? PageTable.Writable : 0);
        ulong* slot = null;
        for (ulong page = Pages.RoundDown(address); page < end; page += Pages.Size)
        {
            // Within the same table the next page's entry follows: a buffer of 64 KiB needs one walk, not sixteen.
            slot = slot == null || page % Pages.LargeSize == 0 ? PageTable.Find(page, create: false) : slot + 1;
            if (slot != null && (*slot & needed) == needed)
            {
                continue;
            }

            slot = null;

            TouchResult result = DemandPaging.Touch(page, write, execute: false);
            if (result != TouchResult.Ready)
            {
                return result == TouchResult.OutOfMemory ? -Errno.ENOMEM : -Errno.EFAULT;
            }
        }

        return 0;
    }
}
