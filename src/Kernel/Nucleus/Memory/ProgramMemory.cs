using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// The program's memory as system calls use it. A fault inside the nucleus is a panic, so every page is checked and made present
/// before it is touched.
/// </summary>
internal static unsafe class ProgramMemory
{
    /// <summary>Makes a range readable.</summary>
    /// <returns>0; -EFAULT when any of it is not the program's; -ENOMEM when no frame is left for a page or a page table.</returns>
    public static long PrepareRead(ulong address, ulong length) => Prepare(address, length, write: false);

    /// <summary>Makes a range writable.</summary>
    /// <returns>As <see cref="PrepareRead"/>; -EFAULT for what is read-only, too.</returns>
    public static long PrepareWrite(ulong address, ulong length) => Prepare(address, length, write: true);

    /// <summary>
    /// Length of a NUL-terminated string; -ENAMETOOLONG when it has <paramref name="limit"/> bytes or more, or an errno of
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
            // Mapped and writable like the rest of the image: only here is it told from the program's.
            return -Errno.EFAULT;
        }

        for (ulong page = Pages.RoundDown(address); page < end; page += Pages.Size)
        {
            ulong* slot = PageTable.Find(page, create: false);
            ulong needed = PageTable.Present | (write ? PageTable.Writable : 0);
            if (slot != null && (*slot & needed) == needed)
            {
                continue;
            }

            TouchResult result = DemandPaging.Touch(page, write, execute: false);
            if (result != TouchResult.Ready)
            {
                return result == TouchResult.OutOfMemory ? -Errno.ENOMEM : -Errno.EFAULT;
            }
        }

        return 0;
    }
}
