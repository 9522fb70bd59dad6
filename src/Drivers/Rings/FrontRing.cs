using System.Globalization;
using System.Runtime.CompilerServices;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// The front end's side of a request and response ring (Xen's <c>io/ring.h</c>): it puts requests in, publishes them, and takes the
/// responses, which the back end writes over requests that it has taken.
/// </summary>
/// <remarks>
/// <para>
/// The back end may write anything anywhere at any time. So what counts is kept here and never read back; an entry is copied out once and
/// only the copy is looked at; and the one index that is read, <c>rsp_prod</c>, may not be ahead of what was published. What a response
/// says is for the driver to check.
/// </para>
/// <para>
/// A driver drains with <see cref="TryTake"/> until there is nothing, then asks <see cref="FinalCheck"/>, and waits for an event only when
/// that says no. Used by one thread at a time. The pages remain the caller's.
/// </para>
/// </remarks>
/// <typeparam name="TRequest">A request's layout; a union where a protocol has several.</typeparam>
/// <typeparam name="TResponse">A response's layout.</typeparam>
public sealed class FrontRing<TRequest, TResponse>
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly RingPages _ring;
    private uint _put;
    private uint _published;
    private uint _taken;
    private uint _answered;

    /// <summary>Begins a ring over pages that no back end knows yet.</summary>
    /// <param name="pages">Its memory, one page or several.</param>
    /// <param name="entrySize">Bytes from one entry to the next; the larger of both layouts if zero.</param>
    /// <exception cref="ArgumentException">An entry is smaller than a layout, or none fits.</exception>
    public FrontRing(ReadOnlySpan<ISharedPage> pages, int entrySize = 0)
    {
        int least = Math.Max(Unsafe.SizeOf<TRequest>(), Unsafe.SizeOf<TResponse>());
        if (entrySize != 0 && entrySize < least)
        {
            throw new ArgumentException($"an entry of {entrySize} bytes does not hold {least}", nameof(entrySize));
        }

        _ring = new RingPages(pages, entrySize == 0 ? least : entrySize);
        _ring.Clear();
        _ring.Store(RingPages.RequestEvent, 1);
        _ring.Store(RingPages.ResponseEvent, 1);
    }

    /// <summary>How many requests can be without a response at one time.</summary>
    public int Capacity => _ring.Count;

    /// <summary>Requests that were put and have no response yet.</summary>
    public int Outstanding => (int)(_put - _taken);

    /// <summary>Requests that can be put now.</summary>
    public int Free => Capacity - Outstanding;

    /// <summary>Puts a request in. The back end does not know of it before <see cref="Publish"/>.</summary>
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

    /// <summary>Shows the back end what was put since the last time.</summary>
    /// <returns>Whether the back end has to be notified: it may have gone to sleep. Once for all that was published, not once for each
    /// request.</returns>
    public bool Publish()
    {
        uint before = _published;
        if (before == _put)
        {
            return false;
        }

        _published = _put;
        _ring.Store(RingPages.RequestProducer, _put);

        // The back end sets its threshold, then looks for requests; we publish, then look at the threshold. The full barrier between lets
        // one of both see the other.
        Interlocked.MemoryBarrier();
        return _put - _ring.Load(RingPages.RequestEvent) < _put - before;
    }

    /// <summary>Takes the next response, as a copy that the back end cannot change any more.</summary>
    /// <returns>False when there is none.</returns>
    /// <exception cref="BrokenRingException">The back end has announced more responses than it got requests.</exception>
    public bool TryTake(out TResponse response)
    {
        if (_taken == _answered && !Look())
        {
            response = default;
            return false;
        }

        _ring.Read(_taken, out response);
        _taken++;
        return true;
    }

    /// <summary>
    /// Asks for an event at the next response, or at a later one, and looks once more: what came before the back end could know of this
    /// causes none.
    /// </summary>
    /// <param name="after">
    /// The event comes with this many responses from here on; fewer where fewer are to come. A driver that does not ask at all gets no
    /// event, and takes responses when it needs the room.
    /// </param>
    /// <returns>Whether there are responses; then they are to be taken, and this asked again.</returns>
    /// <exception cref="BrokenRingException">The back end has announced more responses than it got requests.</exception>
    public bool FinalCheck(int after = 1)
    {
        if (_taken != _answered || Look())
        {
            return true;
        }

        _ring.Store(RingPages.ResponseEvent, _taken + (uint)Math.Clamp(after, 1, Math.Max(1, (int)(_published - _taken))));
        Interlocked.MemoryBarrier();
        return Look();
    }

    /// <summary>Reads how far the responses are; whether there is one to take.</summary>
    private bool Look()
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
