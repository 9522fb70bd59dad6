using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Rings;

/// <summary>
/// The memory of a ring as Xen's <c>io/ring.h</c> lays it out: four indexes, and from byte 64 on entries for both requests and responses.
/// The pages need not be adjacent, so an entry may begin in one and end in the next.
/// </summary>
internal sealed class RingPages
{
    /// <summary>Offset of <c>req_prod</c>: the number of requests that the front end has published.</summary>
    public const int RequestProducer = 0;

    /// <summary>Offset of <c>req_event</c>: the request count at which the back end wants an event.</summary>
    public const int RequestEvent = 4;

    /// <summary>Offset of <c>rsp_prod</c>: the number of responses that the back end has published.</summary>
    public const int ResponseProducer = 8;

    /// <summary>Offset of <c>rsp_event</c>: the response count at which the front end wants an event.</summary>
    public const int ResponseEvent = 12;

    private const int HeaderSize = 64;
    private readonly IPage[] _pages;
    private readonly int _entrySize;
    private readonly uint _mask;

    public RingPages(ReadOnlySpan<IPage> pages, int entrySize)
    {
        _pages = [.. pages];
        _entrySize = entrySize;
        Count = CountEntries(pages.Length, entrySize);
        _mask = (uint)Count - 1;
    }

    /// <summary>The number of entries, a power of two.</summary>
    public int Count { get; }

    /// <summary>The largest power of two that fits, as in <c>__RING_SIZE</c>.</summary>
    public static int CountEntries(int pages, int entrySize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(entrySize);
        int fit = ((pages * ISharedPage.Size) - HeaderSize) / entrySize;
        return fit > 0 ? 1 << (31 - int.LeadingZeroCount(fit))
            : throw new ArgumentException($"{pages} pages have no room for an entry of {entrySize} bytes", nameof(pages));
    }

    /// <summary>Bytes from one entry to the next: those asked for, or the larger of both layouts if zero.</summary>
    /// <exception cref="ArgumentException">An entry is smaller than a layout.</exception>
    public static int EntrySizeOf<TRequest, TResponse>(int entrySize)
        where TRequest : unmanaged
        where TResponse : unmanaged
    {
        int least = Math.Max(Unsafe.SizeOf<TRequest>(), Unsafe.SizeOf<TResponse>());
        return entrySize == 0 || entrySize >= least ? Math.Max(entrySize, least)
            : throw new ArgumentException($"an entry of {entrySize} bytes does not hold {least}", nameof(entrySize));
    }

    /// <summary>Publishes the entries that were put since <paramref name="published"/> was published.</summary>
    /// <param name="producer">Which producer index to store.</param>
    /// <param name="wanted">The event index by which the other end says for which entry it wants an event.</param>
    /// <param name="published">The producer index as it is in the ring; afterwards <paramref name="put"/>.</param>
    /// <param name="put">The number of entries that were put.</param>
    /// <returns>Whether the other end wants an event for one of them.</returns>
    public bool Publish(int producer, int wanted, ref uint published, uint put)
    {
        uint before = published;
        if (before == put)
        {
            return false;
        }

        published = put;
        Store(producer, put);

        // The other end sets its event index and then checks for entries; this publishes and then reads that index. With a full barrier
        // between the two steps, at least one side sees the other's store.
        Interlocked.MemoryBarrier();
        return put - Load(wanted) < put - before;
    }

    /// <summary>Reads an index, once, with acquire semantics.</summary>
    public uint Load(int offset) => Volatile.Read(ref Index(offset));

    /// <summary>Writes an index, by one aligned store with release semantics.</summary>
    public void Store(int offset, uint value) => Volatile.Write(ref Index(offset), value);

    /// <summary>Clears all pages.</summary>
    public void Clear()
    {
        foreach (IPage page in _pages)
        {
            page.Span.Clear();
        }
    }

    /// <summary>Copies an entry out of the ring, once: only the copy may be used.</summary>
    public void Read<T>(uint index, out T entry)
        where T : unmanaged
    {
        ReadOnlySpan<byte> first = Find(index, out int page);
        if (first.Length >= Unsafe.SizeOf<T>())
        {
            entry = MemoryMarshal.Read<T>(first);
            return;
        }

        entry = default;
        Span<byte> copy = MemoryMarshal.AsBytes(new Span<T>(ref entry));
        first.CopyTo(copy);
        _pages[page + 1].Span[..(copy.Length - first.Length)].CopyTo(copy[first.Length..]);
    }

    /// <summary>Copies an entry into the ring.</summary>
    public void Write<T>(uint index, in T entry)
        where T : unmanaged
    {
        Span<byte> first = Find(index, out int page);
        if (first.Length >= Unsafe.SizeOf<T>())
        {
            MemoryMarshal.Write(first, in entry);
            return;
        }

        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in entry));
        bytes[..first.Length].CopyTo(first);
        bytes[first.Length..].CopyTo(_pages[page + 1].Span);
    }

    /// <summary>The bytes from the start of an entry to the end of its page.</summary>
    private Span<byte> Find(uint index, out int page)
    {
        uint offset = HeaderSize + ((index & _mask) * (uint)_entrySize);
        page = (int)(offset / ISharedPage.Size);
        return _pages[page].Span[(int)(offset % ISharedPage.Size)..];
    }

    private ref uint Index(int offset) => ref Unsafe.As<byte, uint>(ref _pages[0].Span[offset]);
}
