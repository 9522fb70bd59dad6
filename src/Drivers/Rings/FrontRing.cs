using System.Globalization;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// The front end's side of a ring (Xen's <c>io/ring.h</c>): it puts requests in, publishes them, and takes the responses, which the back
/// end writes over requests that it has taken.
/// </summary>
/// <remarks>
/// <para>
/// The back end may write anything anywhere at any time. Therefore the front end's indexes are kept here and never read back; an entry is
/// copied once and only the copy is used; and the one index that is read, <c>rsp_prod</c>, must not be ahead of the published requests. The
/// driver checks the content of a response.
/// </para>
/// <para>
/// A driver calls <see cref="TryTake"/> until there is no response, then <see cref="FinalCheck"/>, and waits for an event only if that
/// returns false. Used by one thread at a time. The caller keeps the pages.
/// </para>
/// </remarks>
/// <typeparam name="TRequest">The layout of a request; a union if the protocol has several.</typeparam>
/// <typeparam name="TResponse">The layout of a response.</typeparam>
public sealed class FrontRing<TRequest, TResponse>
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly RingPages _ring;
    private uint _put;
    private uint _published;
    private uint _taken;
    private uint _answered;

    /// <summary>Creates a ring in pages that are not published yet.</summary>
    /// <param name="pages">The memory of the ring, one page or several.</param>
    /// <param name="entrySize">Bytes from one entry to the next; the larger of both layouts if zero.</param>
    /// <exception cref="ArgumentException">An entry is smaller than a layout, or none fits.</exception>
    public FrontRing(ReadOnlySpan<ISharedPage> pages, int entrySize = 0)
    {
        _ring = new RingPages(pages, RingPages.EntrySizeOf<TRequest, TResponse>(entrySize));
        _ring.Clear();
        _ring.Store(RingPages.RequestEvent, 1);
        _ring.Store(RingPages.ResponseEvent, 1);
    }

    /// <summary>The largest number of requests without a response.</summary>
    public int Capacity => _ring.Count;

    /// <summary>The number of requests in the ring without a response.</summary>
    public int Outstanding => (int)(_put - _taken);

    /// <summary>The number of requests for which there is room now.</summary>
    public int Free => Capacity - Outstanding;

    /// <summary>Puts a request into the ring. The back end does not see it before <see cref="Publish"/>.</summary>
    /// <exception cref="InvalidOperationException">The ring is full.</exception>
    public void Put(in TRequest request)
    {
        if (Free == 0)
        {
            throw new InvalidOperationException($"the ring is full: {Capacity} requests have no response");
        }

        _ring.Write(_put, in request);
        _put++;
    }

    /// <summary>Publishes the requests that were put since the last call.</summary>
    /// <returns>
    /// Whether the back end has to be notified, since it may be asleep. One notification is enough for all published requests.
    /// </returns>
    public bool Publish() => _ring.Publish(RingPages.RequestProducer, RingPages.RequestEvent, ref _published, _put);

    /// <summary>Takes the next response, as a copy that the back end cannot change.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="BrokenRingException">The back end has announced more responses than it got requests.</exception>
    public bool TryTake(out TResponse response)
    {
        if (_taken == _answered && !ReadProducer())
        {
            response = default;
            return false;
        }

        _ring.Read(_taken, out response);
        _taken++;
        return true;
    }

    /// <summary>
    /// Requests an event for the next response, or for a later one, and checks once more: a response that came before the back end could
    /// see the request causes no event.
    /// </summary>
    /// <param name="after">
    /// The event comes with this many further responses, or with the last one if fewer are outstanding. A driver that does not request
    /// events gets none, and takes responses when it needs room.
    /// </param>
    /// <returns>Whether there are responses; then the driver must take them and call this again.</returns>
    /// <exception cref="BrokenRingException">The back end has announced more responses than it got requests.</exception>
    public bool FinalCheck(int after = 1)
    {
        if (_taken != _answered || ReadProducer())
        {
            return true;
        }

        _ring.Store(RingPages.ResponseEvent, _taken + (uint)Math.Clamp(after, 1, Math.Max(1, (int)(_published - _taken))));
        Interlocked.MemoryBarrier();
        return ReadProducer();
    }

    /// <summary>Reads and checks <c>rsp_prod</c>. Returns whether there is a response to take.</summary>
    private bool ReadProducer()
    {
        uint producer = _ring.Load(RingPages.ResponseProducer);
        if (producer - _taken > _published - _taken)
        {
            throw new BrokenRingException(string.Create(
                CultureInfo.InvariantCulture, $"rsp_prod is {producer} where {_taken} responses were taken and {_published} requests "
                    + $"published"));
        }

        _answered = producer;
        return producer != _taken;
    }
}
