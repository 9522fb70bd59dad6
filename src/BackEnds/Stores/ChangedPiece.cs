namespace Xenlet.BackEnds.Stores;

/// <summary>A piece of a copy-on-write store of which something was written.</summary>
/// <param name="slot">Which piece of the store of changes holds it.</param>
internal sealed class ChangedPiece(long slot)
{
    public long Slot => slot;

    /// <summary>The units of 512 bytes that are in the slot; the others are the original's. The lowest bit is the first.</summary>
    public UInt128 Changed { get; set; }

    /// <summary>Reads and writes under way. While there are any, the slot is not another piece's.</summary>
    public int Users { get; set; }
}
