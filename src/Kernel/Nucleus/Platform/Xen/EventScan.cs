using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>One pass over the event channels that were signalled when <see cref="EventChannels.BeginScan"/> took the selector.</summary>
/// <remarks>
/// A pass visits each port once, in ascending order, so it ends however fast a peer signals: an event that arrives meanwhile raises the
/// upcall again. A port that another port's handler masks or clears during the pass is not reported.
/// </remarks>
internal unsafe struct EventScan
{
    private readonly shared_info* _shared;
    private ulong _selector;
    private ulong _candidates;
    private int _word;

    public EventScan(shared_info* shared, ulong selector)
    {
        _shared = shared;
        _selector = selector;
        _candidates = 0;
        _word = 0;
    }

    /// <summary>Returns the next port whose event was pending and unmasked. Clears its pending bit first.</summary>
    public bool TryTakePending(out uint port)
    {
        for (; ; )
        {
            while (_candidates != 0)
            {
                ulong bit = _candidates & (~_candidates + 1);
                _candidates ^= bit;
                if ((Volatile.Read(ref _shared->evtchn_mask[_word]) & bit) == 0
                    && (AtomicBits.Clear(&_shared->evtchn_pending[_word], bit) & bit) != 0)
                {
                    port = ((uint)_word * 64) + Index(bit);
                    return true;
                }
            }

            if (_selector == 0)
            {
                port = 0;
                return false;
            }

            ulong wordBit = _selector & (~_selector + 1);
            _selector ^= wordBit;
            _word = (int)Index(wordBit);
            _candidates = Volatile.Read(ref _shared->evtchn_pending[_word]) & ~Volatile.Read(ref _shared->evtchn_mask[_word]);
        }
    }

    /// <summary>The index of the only set bit.</summary>
    private static uint Index(ulong bit)
    {
        uint index = 0;
        index += (bit & 0xffffffff00000000) != 0 ? 32u : 0;
        index += (bit & 0xffff0000ffff0000) != 0 ? 16u : 0;
        index += (bit & 0xff00ff00ff00ff00) != 0 ? 8u : 0;
        index += (bit & 0xf0f0f0f0f0f0f0f0) != 0 ? 4u : 0;
        index += (bit & 0xcccccccccccccccc) != 0 ? 2u : 0;
        index += (bit & 0xaaaaaaaaaaaaaaaa) != 0 ? 1u : 0;
        return index;
    }
}
