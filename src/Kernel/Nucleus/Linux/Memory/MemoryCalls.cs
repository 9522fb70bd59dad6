using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Memory;

/// <summary>mmap, mprotect, munmap, madvise, msync.</summary>
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
    private const uint MS_ASYNC = 1;
    private const uint MS_INVALIDATE = 2;
    private const uint MS_SYNC = 4;
    private const uint ProtectionBits = (uint)(Protection.Read | Protection.Write | Protection.Execute);

    public static long Map(ulong address, ulong length, uint protection, uint flags, int descriptor, ulong offset = 0)
    {
        if ((flags & MAP_ANONYMOUS) != 0)
        {
            return MapPages(address, length, protection, flags);
        }

        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        bool isShared = (flags & MAP_SHARED_TYPES) != MAP_PRIVATE;
        long error = FileMapping.Check(file, protection, isShared, length, offset);
        if (error != 0)
        {
            return error;
        }

        if (FileMapping.IsOfPages(file->Node, isShared))
        {
            return MapFile(address, length, protection, flags, file, offset);
        }

        const uint whileFilled = (uint)(Protection.Read | Protection.Write);
        long mapped = MapPages(address, length, whileFilled, flags & ~MAP_STACK);
        return mapped < 0 ? mapped : FileMapping.Fill(file->Node, (ulong)mapped, Pages.RoundUp(length), protection, offset);
    }

    /// <summary>Maps zero-filled memory. With one process, a shared mapping of it is the same as a private one.</summary>
    private static long MapPages(ulong address, ulong length, uint protection, uint flags)
    {
        long error = Place(ref address, ref length, protection, flags);
        if (error != 0)
        {
            return error;
        }

        RegionKind kind = (flags & MAP_STACK) != 0 ? RegionKind.Stack : RegionKind.None;
        error = AddressSpace.Map(address, address + length, (Protection)protection, kind);
        FileTree.FreeUnmapped();
        MemoryNotice.OnMapping(error, length);
        return error != 0 ? error : (long)address;
    }

    /// <summary>Maps the pages of a file.</summary>
    private static long MapFile(ulong address, ulong length, uint protection, uint flags, OpenFile* file, ulong offset)
    {
        long error = Place(ref address, ref length, protection, flags);
        if (error != 0)
        {
            return error;
        }

        bool isWritable = NodeTransfers.Allows(file, writes: true);
        error = SharedFiles.Map(address, address + length, (Protection)protection, &file->Node->Data, offset / Pages.Size, isWritable);
        FileTree.FreeUnmapped();
        return error != 0 ? error : (long)address;
    }

    /// <summary>Checks what a mapping asks for, and chooses its address. The length is in whole pages then.</summary>
    private static long Place(ref ulong address, ref ulong length, uint protection, uint flags)
    {
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

        return 0;
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
        if (length == 0 || !IsProgramRange(address, length))
        {
            return -Errno.ENOMEM;
        }

        long error = AddressSpace.Protect(address, address + length, (Protection)protection);
        MemoryNotice.OnMapping(error, length);
        return error;
    }

    public static long Unmap(ulong address, ulong length)
    {
        length = Pages.RoundUp(length);
        if (length == 0 || !IsProgramRange(address, length))
        {
            return -Errno.EINVAL;
        }

        long result = AddressSpace.IsSealed(address, address + length) ? -Errno.EPERM : AddressSpace.Unmap(address, address + length);
        FileTree.FreeUnmapped();
        return result;
    }

    /// <summary>msync: a shared mapping's pages are the file's, so nothing has to be written.</summary>
    public static long Synchronise(ulong address, ulong length, uint flags)
    {
        length = Pages.RoundUp(length);
        bool isBoth = (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC);
        if (!Pages.IsAligned(address) || isBoth || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0)
        {
            return -Errno.EINVAL;
        }

        return length == 0 || (IsProgramRange(address, length) && AddressSpace.IsWhole(address, address + length)) ? 0 : -Errno.ENOMEM;
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
