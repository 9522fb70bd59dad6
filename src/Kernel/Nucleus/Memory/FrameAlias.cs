using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// The direct map is a second, writable address of every frame that the program owns. For a frame that the program may execute, it is made
/// read-only; otherwise code in a read-only page could still be changed through it.
/// </summary>
internal static unsafe class FrameAlias
{
    /// <summary>
    /// Ensures that <see cref="SetWritable"/> can change this frame alone: splits its 2 MiB page of the direct map into a table of 4 KiB
    /// pages, for good.
    /// </summary>
    /// <returns>False when no frame is left for the table.</returns>
    public static bool Prepare(ulong frame) => PageTable.Split(DirectMap.Base + frame);

    /// <summary>
    /// Allows or forbids writing to a frame through the direct map. A frame in a large page was never prepared and is writable.
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
