using System.Runtime.CompilerServices;
using Xenlet.Drivers;

namespace Xenlet.HostilePeer;

/// <summary>A back end's side of a ring of one page (<c>io/ring.h</c>), with access to everything that a hostile one can change.</summary>
internal sealed unsafe class PeerRing<TRequest, TResponse>(MappedPage page) : IDisposable
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly int _entrySize = Math.Max(sizeof(TRequest), sizeof(TResponse));
    private readonly uint _mask = (uint)RingPages.CountEntries(1, Math.Max(sizeof(TRequest), sizeof(TResponse))) - 1;
    private uint _taken;
    private uint _put;
    private uint _published;

    /// <summary>The whole page, indexes included.</summary>
    public Span<byte> Bytes => page.Bytes;

    /// <summary>The number of responses that the front end reads.</summary>
    public uint ResponseProducer
    {
        get => Volatile.Read(ref Word(RingPages.ResponseProducer));
        set => Volatile.Write(ref Word(RingPages.ResponseProducer), value);
    }

    /// <summary>The true number of responses.</summary>
    public uint Put => _put;

    /// <summary>An impossible number of requests, which follows from our own writes, counts as none.</summary>
    private bool HasRequests => Volatile.Read(ref Word(RingPages.RequestProducer)) - _taken is > 0 and var count && count <= _mask + 1;

    public bool TryTake(out TRequest request)
    {
        request = default;
        if (!HasRequests)
        {
            return false;
        }

        request = *(TRequest*)Entry(_taken++);
        return true;
    }

    public void Answer(in TResponse response) => *(TResponse*)Entry(_put++) = response;

    /// <summary>Publishes the responses; returns true if the front end must be notified.</summary>
    public bool Publish()
    {
        uint before = _published;
        _published = _put;
        ResponseProducer = _put;
        Interlocked.MemoryBarrier();
        return _put - Volatile.Read(ref Word(RingPages.ResponseEvent)) < _put - before;
    }

    /// <summary>Requests an event for the next request, and checks once more.</summary>
    public bool FinalCheck()
    {
        Volatile.Write(ref Word(RingPages.RequestEvent), _taken + 1);
        Interlocked.MemoryBarrier();
        return HasRequests;
    }

    public void Dispose() => page.Dispose();

    private ref uint Word(int offset) => ref Unsafe.AsRef<uint>(page.Address + offset);

    private byte* Entry(uint index) => page.Address + 64 + ((index & _mask) * (uint)_entrySize);
}
