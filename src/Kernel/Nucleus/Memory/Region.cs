using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>What a region of program addresses is.</summary>
[Flags]
internal enum RegionKind : uint
{
    None = 0,

    /// <summary>Part of the image: its frames were loaded, not allocated.</summary>
    Image = 1,

    /// <summary>A stack: each page but the highest few is charged when it is touched, as nobody touches all of one.</summary>
    Stack = 2,

    /// <summary>The whole region is charged, touched or not.</summary>
    Charged = 4,

    /// <summary>Kept by the nucleus below a stack, of a thread or its own: never accessible, never given away.</summary>
    Guard = 8,
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

/// <summary>
/// A range of program addresses with one protection. The regions of the address space are a sorted list without overlaps.
/// </summary>
internal unsafe struct Region
{
    public ulong Start;

    /// <summary>Exclusive.</summary>
    public ulong End;

    public Region* Previous;
    public Region* Next;
    public Protection Protection;
    public RegionKind Kind;

    public readonly ulong PageCount => (End - Start) / Pages.Size;

    /// <summary>
    /// Whether the program can neither unmap this region nor map something else in its place, as after Linux's mseal(2): the image, in
    /// which the nucleus lies too, guards, and
    /// the window of shared pages.
    /// </summary>
    public readonly bool IsSealed => (Kind & (RegionKind.Image | RegionKind.Guard)) != 0;

    /// <summary>
    /// Whether the program may give this region a protection. What is sealed can only lose the right to be written, as what glibc and the
    /// runtime fill in at their start does.
    /// </summary>
    public readonly bool CanBecome(Protection protection) =>
        !IsSealed
        || (Protection != Protection.None && protection == Protection)
        || (Protection == (Protection.Read | Protection.Write) && protection == Protection.Read);

    /// <summary>The page-table bits for this region's pages.</summary>
    /// <remarks>
    /// Writable and executable at once is never granted: such a page is writable until the program drops Write. The runtime asks for
    /// both only while it fills in a page of thunks.
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
