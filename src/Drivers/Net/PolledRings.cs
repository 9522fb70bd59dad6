using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>
/// The rings of one connection as the thread of a TCP/IP stack drives them: it takes frames when it likes, and asks for an event only when
/// there are none. The thread is one; the end of the connection may come from another.
/// </summary>
/// <param name="queue">The receive ring's content.</param>
/// <param name="memory">Where its frames go.</param>
/// <param name="receiveChannel">Brings events, and notifies the back end of pages. It stays the caller's.</param>
/// <param name="transmit">The transmit ring.</param>
/// <param name="transmitChannel">The transmit ring's own channel, where it has one.</param>
/// <param name="counters">Counts events and notifications.</param>
/// <param name="wake">Wakes the stack's thread.</param>
/// <param name="fail">Ends the connection where the back end breaks the protocol.</param>
internal sealed class PolledRings(
    ReceiveQueue<PacketBuffer> queue, PacketMemory memory, RingChannel receiveChannel, TransmitRing transmit,
    RingChannel? transmitChannel, NetworkCounters counters, Action wake, Action<Exception> fail)
{
    // The back end sees pages again after so many responses, not only at the end of a long run.
    private const int PublishEvery = 64;

    private readonly Lock _lock = new();
    private readonly ChannelWakeUp _receiveWakeUp = new(receiveChannel, () =>
    {
        counters.ReceiveEvents++;
        wake();
    });

    private readonly ChannelWakeUp? _transmitWakeUp = transmitChannel is null ? null : new(transmitChannel, () =>
    {
        counters.SendEvents++;
        wake();
    });

    private int _unpublished;
    private bool _hasTaken;
    private bool _isClosed;

    /// <summary>The event channels of the rings.</summary>
    public IEnumerable<IEventChannel> Channels =>
        transmitChannel is null ? [receiveChannel.Channel] : [receiveChannel.Channel, transmitChannel.Channel];

    /// <summary>What waits for events and wakes the thread, for each channel, until the token is cancelled.</summary>
    public IEnumerable<Func<CancellationToken, Task>> WakeUps =>
        _transmitWakeUp is null ? [_receiveWakeUp.RunAsync] : [_receiveWakeUp.RunAsync, _transmitWakeUp.RunAsync];

    /// <summary>The next frame, in a buffer of <paramref name="pool"/>; null when there is none, or the connection has ended.</summary>
    public PacketBuffer? TryReceive(PacketPool pool)
    {
        try
        {
            lock (_lock)
            {
                // The stack has done with the last frame, of which pages may be lent.
                memory.Pool = pool;
                memory.TakeBack();
                PacketBuffer? frame = null;

                // Responses without frames are counted too: a back end that writes them without end does not keep the thread.
                for (int i = 0; i < PublishEvery && frame is null && !_isClosed; i++)
                {
                    if (_unpublished >= PublishEvery && !memory.HasLent)
                    {
                        Publish();
                    }

                    if (!queue.TryTake(out frame))
                    {
                        break;
                    }

                    _hasTaken = true;
                    _unpublished++;
                }

                return frame;
            }
        }
        catch (BrokenRingException error)
        {
            fail(error);
            return null;
        }
    }

    /// <summary>
    /// Asks for an event when there is something to do again. False when there are responses now: the thread goes on.
    /// </summary>
    public bool TryRest()
    {
        try
        {
            bool hasTaken;
            lock (_lock)
            {
                if (_isClosed)
                {
                    return true;
                }

                memory.TakeAllBack();
                Publish();
                if (queue.FinalCheck())
                {
                    return false;
                }

                hasTaken = _hasTaken;
                _hasTaken = false;
            }

            bool isAnswered = transmit.TakeResponses();
            _receiveWakeUp.Arm(hasTaken || (isAnswered && _transmitWakeUp is null));
            _transmitWakeUp?.Arm(isAnswered);
            return true;
        }
        catch (BrokenRingException error)
        {
            fail(error);
            return true;
        }
    }

    /// <summary>From the return on nothing touches the receive ring or its pages.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            memory.Keep();
        }
    }

    /// <summary>Gives back what there is of an unfinished frame: the thread will not use this any more.</summary>
    public void Abandon()
    {
        lock (_lock)
        {
            _isClosed = true;
            memory.TakeBack();
            queue.Abandon();
        }
    }

    private void Publish()
    {
        _unpublished = 0;
        if (queue.Publish())
        {
            receiveChannel.Notify(ref counters.ReceiveNotifications);
        }
    }
}
