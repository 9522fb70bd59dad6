using System.Globalization;

namespace Xenlet.BackEnds.Stores;

/// <summary>Ranges of stores, as their callers give them.</summary>
internal static class StoreRange
{
    /// <summary>Checks that a range is whole sectors of a store.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not within the store.</exception>
    /// <exception cref="ArgumentException">It has parts of sectors.</exception>
    public static void Check(IBlockStore store, long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > store.Length - length)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, string.Create(
                CultureInfo.InvariantCulture, $"{length} bytes there are not in a store of {store.Length}."));
        }

        if (((offset | length) & (store.SectorSize - 1)) != 0)
        {
            throw new ArgumentException(string.Create(
                CultureInfo.InvariantCulture, $"{length} bytes at {offset} are not whole sectors of {store.SectorSize}."), nameof(offset));
        }
    }
}
