using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Memory;

/// <summary>mmap, mprotect, munmap, madvise.</summary>
internal static unsafe class MemoryCalls
{
    // asm-generic/mman.h
    private const uint MAP_SHARED_TYPES = 3;
    private const uint MAP_PRIVATE = 2;
    private const uint MAP_FIXED = 0x10;
    private const uint MAP_ANONYMOUS = 0x20;
    private const uint MAP_STACK = 0x20000;
    private const uint MAP_FIXED_NOREPLACE = 0x100000;
    private const int MADV_DONTNEED = 4;
    private const uint ProtectionBits = (uint)(Protection.Read | Protection.Write | Protection.Execute);

    public static long Map(ulong address, ulong length, uint protection, uint flags, int descriptor, ulong offset = 0)
    {
        if ((flags & MAP_ANONYMOUS) != 0)
        {
            return Map(address, length, protection, flags);
        }

        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long error = FileMapping.Check(file, protection, isShared: (flags & MAP_SHARED_TYPES) != MAP_PRIVATE, offset);
        if (error != 0)
        {
            return error;
        }

        const uint whileFilled = (uint)(Protection.Read | Protection.Write);
        long mapped = Map(address, length, whileFilled, flags & ~MAP_STACK);
        return mapped < 0 ? mapped : FileMapping.Fill(file->Node, (ulong)mapped, Pages.RoundUp(length), protection, offset);
    }

    private static long Map(ulong address, ulong length, uint protection, uint flags)
    {
        // With one process, a shared anonymous mapping is the same as a private one.
        if (length == 0 || (flags & MAP_SHARED_TYPES) == 0 || (protection & ~ProtectionBits) != 0)
        {
            return -Errno.EINVAL;
        }

        if (length > AddressSpace.MapEnd)
        {
            return -Errno.ENOMEM;
        }

        length = Pages.RoundUp(length);
        bool isFixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
        if (isFixed)
        {
            if (!IsProgramRange(address, length))
            {
                return !Pages.IsAligned(address) ? -Errno.EINVAL : -Errno.ENOMEM;
            }

            if ((flags & MAP_FIXED_NOREPLACE) != 0 && AddressSpace.IsOccupied(address, address + length))
            {
                return -Errno.EEXIST;
            }

            if (AddressSpace.IsSealed(address, address + length))
            {
                return -Errno.EPERM;
            }
        }
        else if (address == 0 || !IsProgramRange(address, length) || AddressSpace.IsOccupied(address, address + length))
        {
            address = AddressSpace.FindFree(length);
            if (address == 0)
            {
                return -Errno.ENOMEM;
            }
        }

        RegionKind kind = (flags & MAP_STACK) != 0 ? RegionKind.Stack : RegionKind.None;
        long error = AddressSpace.Map(address, address + length, (Protection)protection, kind);
        return error != 0 ? error : (long)address;
    }

    public static long Protect(ulong address, ulong length, uint protection)
    {
        if (!Pages.IsAligned(address) || (protection & ~ProtectionBits) != 0)
        {
            return -Errno.EINVAL;
        }

        if (length == 0)
        {
            return 0;
        }

        // A length within a page of 2^64 rounds to 0 and is invalid.
        length = Pages.RoundUp(length);
        return length != 0 && IsProgramRange(address, length)
            ? AddressSpace.Protect(address, address + length, (Protection)protection)
            : -Errno.ENOMEM;
    }

    public static long Unmap(ulong address, ulong length)
    {
        length = Pages.RoundUp(length);
        if (length == 0 || !IsProgramRange(address, length))
        {
            return -Errno.EINVAL;
        }

        return AddressSpace.IsSealed(address, address + length) ? -Errno.EPERM : AddressSpace.Unmap(address, address + length);
    }

    /// <summary>Only MADV_DONTNEED has an effect. By definition, all other advice may be ignored.</summary>
    public static long Advise(ulong address, ulong length, int advice)
    {
        bool isEmpty = length == 0;
        length = Pages.RoundUp(length);
        if (!Pages.IsAligned(address) || (length == 0 && !isEmpty))
        {
            return -Errno.EINVAL;
        }

        if (isEmpty || advice != MADV_DONTNEED)
        {
            return 0;
        }

        if (!IsProgramRange(address, length))
        {
            return -Errno.ENOMEM;
        }

        AddressSpace.Discard(address, address + length);
        return 0;
    }

    private static bool IsProgramRange(ulong address, ulong length) =>
        Pages.IsAligned(address) && address >= AddressSpace.LowestAddress && address < AddressSpace.MapEnd
        && length <= AddressSpace.MapEnd - address;
}
