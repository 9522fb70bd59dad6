namespace Xenlet.BackEnds.Tests.Rings.Planted;

/// <summary>
/// A copy of the way <see cref="BackRing{TRequest, TResponse}"/> looks for requests, with one fault: it checks the index, and keeps what it
/// reads anew.
/// </summary>
internal sealed class TwiceFetchedRequests(RingPages ring)
{
    private uint _taken;
    private uint _announced;

    public bool TryTake()
    {
        if (_taken == _announced)
        {
            if (ring.Load(RingPages.RequestProducer) - _taken > (uint)ring.Count - _taken)
            {
                throw new BrokenRingException("more requests than entries");
            }

            _announced = ring.Load(RingPages.RequestProducer);
            if (_taken == _announced)
            {
                return false;
            }
        }

        _taken++;
        return true;
    }
}
