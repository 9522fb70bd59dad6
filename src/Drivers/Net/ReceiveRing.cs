using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>
/// The receive side of a connection whose frames the program reads: each event has the ring emptied into the interface's queue.
/// </summary>
/// <param name="queue">The ring's content.</param>
/// <param name="channel">Notifies the back end, and brings its events. It stays the caller's.</param>
/// <param name="sink">The interface.</param>
/// <param name="counters">Counts events and notifications.</param>
internal sealed class ReceiveRing(
    ReceiveQueue<FrameBuffer> queue, RingChannel channel, INetworkSink sink, NetworkCounters counters)
{
    // The number of responses after which other work of the thread gets its turn.
    private const int Budget = 256;

    // The number of pages after which they are published, so that the back end need not wait for the end of a long run.
    private const int PublishEvery = 64;

    /// <summary>Receives until the token is cancelled.</summary>
    /// <param name="transmit">The transmit ring if it has the same event channel, else <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public async Task RunAsync(TransmitRing? transmit, CancellationToken cancellationToken)
    {
        while (true)
        {
            await channel.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            counters.ReceiveEvents++;
            bool isAny = transmit is not null && transmit.OnEvent();
            int taken = 0;
            do
            {
                taken += Take(Budget - taken);
                isAny |= taken > 0;
                if (taken == Budget)
                {
                    // A back end that delivers frames without end, together or one by one, must not keep the thread busy.
                    taken = 0;
                    await Task.Yield();
                    cancellationToken.ThrowIfCancellationRequested();
                }
            }
            while (queue.FinalCheck());
            if (!isAny)
            {
                channel.ReportSpurious();
            }
        }
    }

    /// <summary>Gives back what there is of an unfinished frame. <see cref="RunAsync"/> has ended.</summary>
    public void Abandon() => queue.Abandon();

    /// <summary>Takes up to <paramref name="most"/> responses, and wakes the reader once. Returns how many there were.</summary>
    private int Take(int most)
    {
        int taken = 0;
        bool isNew = false;
        while (taken < most && queue.TryTake(out FrameBuffer? frame))
        {
            taken++;
            if (frame is not null)
            {
                isNew |= sink.Deliver(frame);
            }

            if (taken % PublishEvery == 0)
            {
                Publish();
            }
        }

        Publish();
        if (isNew)
        {
            sink.WakeReader();
        }

        return taken;
    }

    private void Publish()
    {
        if (queue.Publish())
        {
            channel.Notify(ref counters.ReceiveNotifications);
        }
    }
}
