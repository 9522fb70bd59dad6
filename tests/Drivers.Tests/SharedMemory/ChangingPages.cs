using System.Runtime.InteropServices;
using Xenlet.Tests.SharedMemory;

namespace Xenlet.Drivers.Tests.SharedMemory;

/// <summary>
/// Another domain that changes the pages of rings, at each read of the driver or on its own thread, until it is disposed of.
/// </summary>
internal sealed class ChangingPages : IDisposable
{
    private const int HeaderSize = 64;

    private readonly nint[] _pages;
    private readonly ChangingMemory[] _memories;
    private readonly IDisposable[] _threads;

    /// <param name="seed">Chooses what is done.</param>
    /// <param name="isOnThread">Whether the other domain runs beside the reader, rather than between its reads.</param>
    /// <param name="rings">The first page of each ring.</param>
    public ChangingPages(int seed, bool isOnThread, params byte[][] rings)
    {
        _pages = [.. rings.Select(bytes => Marshal.UnsafeAddrOfPinnedArrayElement(bytes, 0))];
        _memories = [.. _pages.Select((page, number) => Change(seed + number, page))];
        _threads = isOnThread ? [.. _memories.Select(memory => memory.OnThread())] : [];
        PeerTurn.Act = isOnThread ? null : () => Array.ForEach(_memories, memory => memory.Turn());
    }

    /// <summary>Says which entry of the first ring is read next: there it is changed most.</summary>
    public void ReadsNext(int entry, int entrySize) => _memories[0].Next = _pages[0] + HeaderSize + (entry * entrySize);

    public void Dispose()
    {
        PeerTurn.Act = null;
        Array.ForEach(_threads, thread => thread.Dispose());
    }

    private static ChangingMemory Change(int seed, nint page) =>
        new(seed, page, [page + RingPages.ResponseProducer, page + RingPages.ResponseProducer, page + RingPages.RequestEvent]);
}
