using System.Runtime.CompilerServices;
using Xenlet.Kernel;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests;

/// <summary>
/// A ring page in ordinary memory, and an event channel between its two sides. The page is there as long as anybody refers to this object:
/// a client may still write to it when its server has ended.
/// </summary>
internal sealed unsafe class TestRing : IRingPage, IDisposable
{
    private readonly byte[] _memory = GC.AllocateArray<byte>(2 * RingLayout.PageSize, pinned: true);
    private readonly byte* _page;

    public TestRing(uint requestIndex = 0, uint replyIndex = 0)
    {
        nuint address = (nuint)Unsafe.AsPointer(ref _memory[0]);
        _page = (byte*)((address + RingLayout.PageSize - 1) & ~(nuint)(RingLayout.PageSize - 1));
        Reset(requestIndex, replyIndex);
        AsyncSignal toServer = new();
        AsyncSignal toClient = new();
        ClientDoorbell = new(toServer, toClient);
        ServerDoorbell = new(toClient, toServer);
    }

    public nint Address => (nint)_page;

    public TestDoorbell ClientDoorbell { get; }

    public TestDoorbell ServerDoorbell { get; }

    public uint this[int offset]
    {
        get => Volatile.Read(ref *(uint*)(_page + offset));
        set => Volatile.Write(ref *(uint*)(_page + offset), value);
    }

    /// <summary>Empties both rings, with the indexes at these values.</summary>
    public void Reset(uint requestIndex, uint replyIndex)
    {
        this[RingLayout.RequestProducer] = requestIndex;
        this[RingLayout.RequestConsumer] = requestIndex;
        this[RingLayout.ReplyProducer] = replyIndex;
        this[RingLayout.ReplyConsumer] = replyIndex;
    }

    public Span<byte> Bytes => new(_page, RingLayout.PageSize);

    /// <summary>Until here the page is there for whoever has its address alone.</summary>
    public void Dispose() => GC.KeepAlive(this);
}

/// <summary>One side's end of the event channel; counts what was sent.</summary>
internal sealed class TestDoorbell(AsyncSignal other, AsyncSignal own) : IRingDoorbell
{
    private int _sent;

    public int Sent => Volatile.Read(ref _sent);

    public void Notify()
    {
        Interlocked.Increment(ref _sent);
        other.Set();
    }

    public ValueTask WaitAsync(CancellationToken cancellationToken) => own.WaitAsync(cancellationToken);
}
