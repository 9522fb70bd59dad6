using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>
/// The transmit side of a connection. Any thread may send. Responses are taken when the next frame is sent; the back end signals them only
/// while a sender waits for room.
/// </summary>
/// <param name="queue">The ring's content.</param>
/// <param name="channel">Notifies the back end. The caller keeps it.</param>
/// <param name="sink">The interface.</param>
/// <param name="counters">Counts events and notifications.</param>
/// <param name="fail">Ends the connection if the back end breaks the protocol.</param>
internal sealed class TransmitRing(
    TransmitQueue queue, RingChannel channel, INetworkSink sink, NetworkCounters counters, Action<Exception> fail)
{
    private readonly Lock _lock = new();

    // The number of responses taken at the last event.
    private long _takenBefore;
    private bool _isClosed;

    /// <summary>Puts something into the ring.</summary>
    /// <param name="what">What it is.</param>
    /// <param name="notifies">Whether the back end must be notified.</param>
    private delegate SendResult Fill<T>(T what, out bool notifies)
        where T : allows ref struct;

    /// <summary>Whether the back end has frames that it has not answered.</summary>
    public bool HasFramesUnderWay
    {
        get
        {
            try
            {
                lock (_lock)
                {
                    if (_isClosed)
                    {
                        return false;
                    }

                    queue.TakeResponses();
                    return queue.HasFramesUnderWay;
                }
            }
            catch (BrokenRingException error)
            {
                fail(error);
                return false;
            }
        }
    }

    /// <summary>Puts a copy of a frame into the ring. The caller keeps the frame.</summary>
    /// <param name="frame">What to send.</param>
    /// <param name="hasMore">Another frame follows at once, or <see cref="Flush"/>: the back end is not notified yet.</param>
    public SendResult Send(OutgoingFrame frame, bool hasMore) => Put(
        new FrameToPut { Queue = queue, Sink = sink, Frame = frame, HasMore = hasMore },
        static (what, out notifies) =>
        {
            SendResult result = what.Queue.Send(what.Frame, what.HasMore, out notifies);
            if (result == SendResult.Sent)
            {
                what.Sink.OnSent(what.Frame);
            }

            return result;
        });

    /// <summary>Makes the back end deliver, or no longer deliver, frames to a multicast address.</summary>
    public SendResult SendMulticast(bool joins, MacAddress address) =>
        Put((queue, joins, address), static (what, out notifies) => what.queue.SendMulticast(what.joins, what.address, out notifies));

    /// <summary>Publishes frames that were sent with more to follow, and notifies the back end.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (_isClosed || !queue.Flush())
            {
                return;
            }
        }

        Notify();
    }

    /// <summary>Handles the events of a channel that only this ring uses, until the token is cancelled.</summary>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await channel.WaitAsync(cancellationToken).ConfigureAwait(Kernel.EventLoop.IsCurrent);
            counters.SendEvents++;
            if (!OnEvent())
            {
                channel.ReportSpurious();
            }
        }
    }

    /// <summary>Handles an event: takes responses, and makes senders try again. One call at a time.</summary>
    /// <returns>Whether this call or a sender has taken a response since the last event.</returns>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public bool OnEvent()
    {
        bool isAny = TakeResponses();
        sink.WakeSenders();
        return isAny;
    }

    /// <summary>Takes responses. One call at a time.</summary>
    /// <returns>Whether any was taken since the last call, by this or by a sender.</returns>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public bool TakeResponses()
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return false;
            }

            queue.TakeResponses();
            bool isAny = queue.ResponsesTaken != _takenBefore;
            _takenBefore = queue.ResponsesTaken;
            return isAny;
        }
    }

    /// <summary>From the return on nothing touches ring or pages; false when that was so before.</summary>
    public bool Close()
    {
        lock (_lock)
        {
            bool isFirst = !_isClosed;
            _isClosed = true;
            return isFirst;
        }
    }

    /// <summary>Puts something into the ring, and notifies the back end if necessary. It allocates nothing.</summary>
    /// <param name="what">The argument of <paramref name="fill"/>.</param>
    /// <param name="fill">Puts it into the ring. It is called with the ring's lock held.</param>
    private SendResult Put<T>(T what, Fill<T> fill)
        where T : allows ref struct
    {
        bool notifies;
        SendResult result;
        try
        {
            lock (_lock)
            {
                if (_isClosed)
                {
                    return SendResult.Ended;
                }

                result = fill(what, out notifies);
            }
        }
        catch (BrokenRingException error)
        {
            fail(error);
            return SendResult.Ended;
        }

        if (notifies)
        {
            Notify();
        }

        return result;
    }

    private void Notify() => channel.Notify(ref counters.SendNotifications);

    private readonly ref struct FrameToPut
    {
        public required TransmitQueue Queue { get; init; }

        public required INetworkSink Sink { get; init; }

        public required OutgoingFrame Frame { get; init; }

        public required bool HasMore { get; init; }
    }
}
