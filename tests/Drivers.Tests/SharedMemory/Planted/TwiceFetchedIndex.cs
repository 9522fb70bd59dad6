namespace Xenlet.Drivers.Tests.SharedMemory.Planted;

/// <summary>
/// A copy of the way <see cref="FrontRing{TRequest, TResponse}"/> looks for responses, with one fault: it checks the index, and keeps what
/// it reads anew.
/// </summary>
internal sealed class TwiceFetchedIndex(RingPages ring, uint published)
{
    private uint _taken;
    private uint _answered;

    public bool TryTake()
    {
        if (_taken == _answered)
        {
            if (ring.Load(RingPages.ResponseProducer) - _taken > published - _taken)
            {
                throw new BrokenRingException("more responses than requests");
            }

            _answered = ring.Load(RingPages.ResponseProducer);
            if (_taken == _answered)
            {
                return false;
            }
        }

        _taken++;
        return true;
    }
}
