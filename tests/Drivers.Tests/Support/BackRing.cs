using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Tests;

/// <summary>
/// The back end's side of a ring, over the bytes of its pages: as <c>io/ring.h</c> defines it, and with access to everything that a hostile
/// back end can change.
/// </summary>
internal sealed class BackRing<TRequest, TResponse>(byte[][] pages, int entrySize)
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly int _count = RingPages.CountEntries(pages.Length, entrySize);
    private uint _consumed;
    private uint _put;
    private uint _published;

    public int Count => _count;

    /// <summary>Requests that were taken and not answered.</summary>
    public int Unanswered => (int)(_consumed - _put);

    /// <summary>A number above the ring's size counts as none: a test has written over the index.</summary>
    private bool HasRequests => RequestProducer - _consumed is > 0 and var count && count <= (uint)_count;

    /// <summary>The number of all requests taken so far.</summary>
    public uint Taken => _consumed;

    public uint RequestProducer => Volatile.Read(ref Word(0));

    public ref uint RequestEvent => ref Word(4);

    public ref uint ResponseProducer => ref Word(8);

    public uint ResponseEvent => Volatile.Read(ref Word(12));

    public bool TryTake(out TRequest request)
    {
        request = default;
        if (!HasRequests)
        {
            return false;
        }

        Copy(_consumed++, MemoryMarshal.AsBytes(new Span<TRequest>(ref request)), toRing: false);
        return true;
    }

    /// <summary>RING_FINAL_CHECK_FOR_REQUESTS.</summary>
    public bool FinalCheck()
    {
        if (HasRequests)
        {
            return true;
        }

        Volatile.Write(ref RequestEvent, _consumed + 1);
        Interlocked.MemoryBarrier();
        return HasRequests;
    }

    public void Put(TResponse response) => Copy(_put++, MemoryMarshal.AsBytes(new Span<TResponse>(ref response)), toRing: true);

    /// <summary>RING_PUSH_RESPONSES_AND_CHECK_NOTIFY.</summary>
    public bool Publish()
    {
        uint before = _published;
        _published = _put;
        Volatile.Write(ref ResponseProducer, _put);
        Interlocked.MemoryBarrier();
        return _put - ResponseEvent < _put - before;
    }

    /// <summary>Writes over everything.</summary>
    public void Scribble(Random random)
    {
        foreach (byte[] page in pages)
        {
            random.NextBytes(page);
        }
    }

    private ref uint Word(int offset) => ref Unsafe.As<byte, uint>(ref pages[0][offset]);

    private void Copy(uint index, Span<byte> entry, bool toRing)
    {
        int offset = 64 + ((int)(index & (uint)(_count - 1)) * entrySize);
        for (int i = 0; i < entry.Length; i++, offset++)
        {
            ref byte there = ref pages[offset / ISharedPage.Size][offset % ISharedPage.Size];
            if (toRing)
            {
                there = entry[i];
            }
            else
            {
                entry[i] = there;
            }
        }
    }
}
