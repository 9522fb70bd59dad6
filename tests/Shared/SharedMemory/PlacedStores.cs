namespace Xenlet.Tests.SharedMemory;

/// <summary>A peer's stores to shared memory, each at its place between the reader's reads.</summary>
/// <param name="stores">The stores, in the peer's order.</param>
/// <param name="places">Before which read each comes, counted from 0; none is less than the one before.</param>
internal sealed class PlacedStores(Action[] stores, int[] places)
{
    private int _reads;
    private int _stored;

    /// <summary>All places that so many stores can have: sequences of numbers up to the last one.</summary>
    public static IEnumerable<int[]> AllPlaces(int count, int last, int first = 0) => count == 0
        ? [[]]
        : Enumerable.Range(first, last - first + 1).SelectMany(
            number => AllPlaces(count - 1, last, number).Select(rest => (int[])[number, .. rest]));

    /// <summary>The reader is about to read.</summary>
    public void BeforeRead()
    {
        for (; _stored < stores.Length && places[_stored] == _reads; _stored++)
        {
            stores[_stored]();
        }

        _reads++;
    }
}
