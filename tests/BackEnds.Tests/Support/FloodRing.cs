using Xenlet.Drivers.Tests;

namespace Xenlet.BackEnds.Tests;

/// <summary>
/// A front end's ring in which the same request is published again as soon as the back end has room for it, before its answer is: no honest
/// front end is so fast. The server's end of the ring is on the same thread, so that turns can be counted.
/// </summary>
/// <typeparam name="TRequest">The layout of a request.</typeparam>
/// <typeparam name="TResponse">The layout of a response.</typeparam>
/// <param name="page">The ring.</param>
/// <param name="request">What is published.</param>
internal sealed class FloodRing<TRequest, TResponse>(TestPage page, TRequest request)
    where TRequest : unmanaged
    where TResponse : unmanaged
{
    private readonly RingPages _ring = new([page], RingPages.EntrySizeOf<TRequest, TResponse>(0));
    private uint _published;

    /// <summary>Whether the flood has ended.</summary>
    public bool IsOver { get; set; }

    /// <summary>Publishes as many requests as leave room for those of which the server carries out one.</summary>
    public void Begin()
    {
        for (int i = 0; i < _ring.Count / 2; i++)
        {
            Add();
        }
    }

    /// <summary>Publishes one more request.</summary>
    public void Add()
    {
        if (!IsOver)
        {
            _ring.Write(_published, in request);
            _ring.Store(RingPages.RequestProducer, ++_published);
        }
    }
}
