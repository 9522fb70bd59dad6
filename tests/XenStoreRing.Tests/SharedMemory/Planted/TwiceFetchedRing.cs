using System.Runtime.CompilerServices;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests.SharedMemory.Planted;

/// <summary>
/// A copy of the way <see cref="SharedRing"/> reads, with one fault: it checks the producer's index, and uses what it reads anew.
/// </summary>
internal sealed unsafe class TwiceFetchedRing(nint page)
{
    private readonly byte* _page = (byte*)page;
    private uint _consumed = Volatile.Read(ref *(uint*)(page + RingLayout.ReplyConsumer));

    public int Read(Span<byte> destination)
    {
        if (Load(RingLayout.ReplyProducer) - _consumed > RingLayout.XENSTORE_RING_SIZE)
        {
            throw new XenStoreException(XenStoreError.ProtocolViolation, "impossible indexes");
        }

        int count = (int)Math.Min(Load(RingLayout.ReplyProducer) - _consumed, (uint)destination.Length);
        int at = (int)(_consumed & (RingLayout.XENSTORE_RING_SIZE - 1));
        int first = Math.Min(count, RingLayout.XENSTORE_RING_SIZE - at);
        new ReadOnlySpan<byte>(_page + RingLayout.Replies + at, first).CopyTo(destination);
        new ReadOnlySpan<byte>(_page + RingLayout.Replies, count - first).CopyTo(destination[first..]);
        _consumed += (uint)count;
        Volatile.Write(ref *(uint*)(_page + RingLayout.ReplyConsumer), _consumed);
        return count;
    }

    private uint Load(int offset) => Volatile.Read(ref Unsafe.AsRef<uint>(_page + offset));
}
