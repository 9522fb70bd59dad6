using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// The other address of a frame that the program has: the direct map shows all RAM writable. A frame that the program may execute is
/// read-only there, or its code could
/// be changed behind the back of a page that is not writable.
/// </summary>
internal static unsafe class FrameAlias
{
    /// <summary>
    /// Makes sure that <see cref="SetWritable"/> can change this frame alone: its 2 MiB of the direct map get a table of pages, for ever.
    /// </summary>
    /// <returns>False when no frame is left for the table.</returns>
    public static bool Prepare(ulong frame) => PageTable.Split(DirectMap.Base + frame);

    /// <summary>
    /// Gives or takes the right to write to a frame through the direct map. A frame in a large page was never prepared, and is writable.
    /// </summary>
    public static void SetWritable(ulong frame, bool isWritable)
    {
        ulong address = DirectMap.Base + frame;
        ulong* slot = PageTable.Find(address, create: false);
        if (slot == null)
        {
            return;
        }

        *slot = isWritable ? *slot | PageTable.Writable : *slot & ~PageTable.Writable;
        Machine.InvalidatePage(address);
    }
}
