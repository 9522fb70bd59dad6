using System.Globalization;
using Xenlet.Drivers;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.BackEnds;

/// <summary>
/// The back end's side of a ring (Xen's <c>io/ring.h</c>): it takes the requests, and puts responses in their places, in any order.
/// </summary>
/// <remarks>
/// <para>
/// The front end may write anything anywhere at any time. Therefore the back end's indexes are kept here and never read back; an entry is
/// copied once and only the copy is used; and the one index that is read, <c>req_prod</c>, must not be further ahead of the responses than
/// the ring is long, nor go back. The back end checks the content of a request.
/// </para>
/// <para>
/// A back end calls <see cref="TryTake"/> until there is no request, then <see cref="FinalCheck"/>, and waits for an event only if that
/// returns false. Used by one thread at a time. The caller keeps the pages.
/// </para>
/// </remarks>
/// <typeparam name="TRequest">The layout of a request; a union if the protocol has several.</typeparam>
/// <typeparam name="TResponse">The layout of a response.</typeparam>
public sealed class BackRing<TRequest, TResponse>
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly RingPages _ring;
    private uint _taken;
    private uint _announced;
    private uint _put;
    private uint _published;

    /// <summary>Joins a ring that the front end has prepared, behind the last response in it.</summary>
    /// <param name="pages">The memory of the ring, one page or several, in the front end's order.</param>
    /// <param name="entrySize">Bytes from one entry to the next; the larger of both layouts if zero.</param>
    /// <exception cref="ArgumentException">An entry is smaller than a layout, or none fits.</exception>
    public BackRing(ReadOnlySpan<IPage> pages, int entrySize = 0)
    {
        _ring = new RingPages(pages, RingPages.EntrySizeOf<TRequest, TResponse>(entrySize));

        // A front end that connects a second time to a ring with requests in it gets its answers behind the old ones.
        _taken = _announced = _put = _published = _ring.Load(RingPages.ResponseProducer);
    }

    /// <summary>The largest number of requests without a response.</summary>
    public int Capacity => _ring.Count;

    /// <summary>The number of requests that were taken and have no response in the ring.</summary>
    public int Outstanding => (int)(_taken - _put);

    /// <summary>The number of requests in the ring that were not taken yet.</summary>
    /// <exception cref="BrokenRingException">The front end has announced more requests than the ring holds, or taken some back.</exception>
    public int CountWaiting()
    {
        _ = ReadProducer();
        return (int)(_announced - _taken);
    }

    /// <summary>Takes the next request, as a copy that the front end cannot change.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="BrokenRingException">The front end has announced more requests than the ring holds, or taken some back.</exception>
    public bool TryTake(out TRequest request)
    {
        if (_taken == _announced && !ReadProducer())
        {
            request = default;
            return false;
        }

        _ring.Read(_taken, out request);
        _taken++;
        return true;
    }

    /// <summary>
    /// Requests an event for the next request, and checks once more: a request that came before the front end could see this causes no
    /// event. A back end that does not call this, since it takes requests anyway, gets no events.
    /// </summary>
    /// <returns>Whether there are requests; then the back end must take them and call this again.</returns>
    /// <exception cref="BrokenRingException">The front end has announced more requests than the ring holds, or taken some back.</exception>
    public bool FinalCheck()
    {
        if (_taken != _announced || ReadProducer())
        {
            return true;
        }

        _ring.Store(RingPages.RequestEvent, _taken + 1);
        Interlocked.MemoryBarrier();
        return ReadProducer();
    }

    /// <summary>Puts a response into the ring. The front end does not see it before <see cref="Publish"/>.</summary>
    /// <exception cref="InvalidOperationException">No request was taken that has no response yet.</exception>
    public void Put(in TResponse response)
    {
        if (Outstanding == 0)
        {
            throw new InvalidOperationException("there is no request without a response");
        }

        _ring.Write(_put, in response);
        _put++;
    }

    /// <summary>Publishes the responses that were put since the last call.</summary>
    /// <returns>
    /// Whether the front end has to be notified, since it waits for one of them. One notification is enough for all published responses.
    /// </returns>
    public bool Publish() => _ring.Publish(RingPages.ResponseProducer, RingPages.ResponseEvent, ref _published, _put);

    /// <summary>Reads and checks <c>req_prod</c>. Returns whether there is a request to take.</summary>
    private bool ReadProducer()
    {
        uint producer = _ring.Load(RingPages.RequestProducer);
        uint ahead = producer - _taken;
        if (ahead > (uint)(Capacity - Outstanding) || ahead < _announced - _taken)
        {
            throw new BrokenRingException(string.Create(
                CultureInfo.InvariantCulture,
                $"req_prod is {producer} where it was {_announced}, and {_taken} requests were taken and {_put} answered, "
                + $"in a ring of {Capacity}"));
        }

        _announced = producer;
        return producer != _taken;
    }
}
