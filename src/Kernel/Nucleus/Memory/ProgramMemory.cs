namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// The program's memory as system calls use it. A fault inside the nucleus is a panic, so every page is checked and made present
/// before it is touched.
/// </summary>
internal static unsafe class ProgramMemory
{
    /// <summary>Makes a range readable; false when any of it is not the program's.</summary>
    public static bool Readable(ulong address, ulong length) => Prepare(address, length, write: false);

    /// <summary>Makes a range writable; false when any of it is not the program's or is read-only.</summary>
    public static bool Writable(ulong address, ulong length) => Prepare(address, length, write: true);

    /// <summary>Length of a NUL-terminated string, or -1 when it is not readable or longer than <paramref name="limit"/>.</summary>
    public static long StringLength(ulong address, ulong limit)
    {
        for (ulong i = 0; i < limit; i++)
        {
            if ((i == 0 || Pages.IsAligned(address + i)) && !Readable(address + i, 1))
            {
                return -1;
            }

            if (((byte*)address)[i] == 0)
            {
                return (long)i;
            }
        }

        return -1;
    }

    private static bool Prepare(ulong address, ulong length, bool write)
    {
        if (length == 0)
        {
            return true;
        }

        if (address >= AddressSpace.MapEnd || length > AddressSpace.MapEnd - address)
        {
            return false;
        }

        ulong end = address + length;
        for (ulong page = Pages.RoundDown(address); page < end; page += Pages.Size)
        {
            ulong* slot = PageTable.Find(page, create: false);
            ulong needed = PageTable.Present | (write ? PageTable.Writable : 0);
            if ((slot == null || (*slot & needed) != needed) && DemandPaging.Touch(page, write, execute: false) != TouchResult.Ready)
            {
                return false;
            }
        }

        return true;
    }
}
