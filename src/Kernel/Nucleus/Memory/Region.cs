using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>The kind of a region of program addresses.</summary>
[Flags]
internal enum RegionKind : uint
{
    None = 0,

    /// <summary>Part of the image. Its frames were loaded, not allocated.</summary>
    Image = 1,

    /// <summary>
    /// A stack. Only its top is charged at once; every other page is charged on first access, as no thread touches its whole stack.
    /// </summary>
    Stack = 2,

    /// <summary>The whole region is charged, whether touched or not.</summary>
    Charged = 4,

    /// <summary>A guard that the nucleus keeps below a stack, a thread's or its own. Never accessible and never given away.</summary>
    Guard = 8,

    /// <summary>A shared mapping of a file, whose pages these are. They are the file's charge.</summary>
    File = 16,

    /// <summary>Of such a mapping: the file was opened to be read, and nobody may write here.</summary>
    ReadOnlyFile = 32,
}

/// <summary>Linux's PROT_ bits (asm-generic/mman-common.h).</summary>
[Flags]
internal enum Protection : uint
{
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,
}

/// <summary>A range of program addresses with one protection. The address space's regions form a sorted list without overlaps.</summary>
internal unsafe struct Region
{
    public ulong Start;

    /// <summary>Exclusive.</summary>
    public ulong End;

    public Region* Previous;
    public Region* Next;
    public Protection Protection;
    public RegionKind Kind;

    /// <summary>The file of a shared mapping, or null.</summary>
    public FileData* File;

    /// <summary>The page of the file at <see cref="Start"/>.</summary>
    public ulong FilePage;

    public readonly ulong PageCount => (End - Start) / Pages.Size;

    /// <summary>
    /// Whether the program may neither unmap this region nor map over it, as after Linux's mseal(2). True for the image, which contains the
    /// nucleus, for guards, and for the window of shared pages.
    /// </summary>
    public readonly bool IsSealed => (Kind & (RegionKind.Image | RegionKind.Guard)) != 0;

    /// <summary>
    /// Whether the program may give this region a protection. A sealed region can only lose write access: glibc and the runtime do that to
    /// data that they fill at their start. Pages of a file are written by calls too, so they are never code.
    /// </summary>
    public readonly bool CanBecome(Protection protection) =>
        (Kind & RegionKind.File) != 0
        ? (protection & Protection.Execute) == 0 && ((protection & Protection.Write) == 0 || (Kind & RegionKind.ReadOnlyFile) == 0)
        : !IsSealed
        || (Protection != Protection.None && protection == Protection)
        || (Protection == (Protection.Read | Protection.Write) && protection == Protection.Read);

    /// <summary>The page-table access bits of this region's pages.</summary>
    /// <remarks>
    /// A page is never writable and executable at once: a region with both protections is writable until the program drops Write. The
    /// runtime asks for both only while it fills a page of thunks.
    /// </remarks>
    public readonly ulong AccessBits
    {
        get
        {
            if (Protection == Protection.None)
            {
                return PageTable.NoExecute;
            }

            ulong bits = PageTable.Present;
            if ((Protection & Protection.Write) != 0)
            {
                bits |= PageTable.Writable | PageTable.NoExecute;
            }
            else if ((Protection & Protection.Execute) == 0)
            {
                bits |= PageTable.NoExecute;
            }

            return bits;
        }
    }
}
