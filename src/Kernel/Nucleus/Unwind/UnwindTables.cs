using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>By what an image says how frames are left.</summary>
/// <param name="frames">Address of <c>.eh_frame_hdr</c>, for native code.</param>
/// <param name="methods">The table of the compiler's code, or null: then all code is in <paramref name="frames"/>.</param>
internal readonly unsafe struct UnwindTables(ulong frames, MethodTable* methods)
{
    /// <summary>The tables of this image.</summary>
    public static UnwindTables OfImage => new(Image.FrameTable, (MethodTable*)Image.MethodTable);

    /// <summary>Address of the binary search table of DWARF's call frame information.</summary>
    public readonly ulong Frames = frames;

    /// <summary>The table of methods, or null.</summary>
    public readonly MethodTable* Methods = methods;
}
