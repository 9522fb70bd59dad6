using Xenlet.Drivers;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Takes the frames that a front end sends, a batch of them at a time: one hypercall copies all of their parts, since each costs the same
/// for one part as for 32. What is checked and handed on is the copy, which the front end cannot change.
/// </summary>
/// <param name="ring">The ring.</param>
/// <param name="foreign">Copies from the front end's pages.</param>
/// <param name="domain">The front end's domain.</param>
/// <param name="channel">Notifies the front end. It stays the caller's.</param>
/// <param name="frames">The memory of frames.</param>
/// <param name="filter">The multicast addresses that the front end wants.</param>
/// <param name="network">Takes the frames.</param>
/// <param name="counters">Counts frames.</param>
/// <param name="rate">How fast the front end may send.</param>
internal sealed class TransmitServer(
    BackRing<TransmitRequest, TransmitResponse> ring,
    IForeignPages foreign,
    ushort domain,
    IEventChannel channel,
    FramePool frames,
    MulticastFilter filter,
    IFramePort network,
    PortCounters counters,
    SendRate rate)
{
    /// <summary>Frames of a batch, after which other front ends have their turn.</summary>
    private const int Batch = 32;

    /// <summary>
    /// Bytes after which a batch gets no further frame, so a large one is a batch of its own; fewer where the rate does not allow so many.
    /// </summary>
    private const int BatchBytes = 48 * 1024;

    /// <summary>
    /// While a front end may not send, how soon another rate is used, and an event seen of the other ring that has the same channel.
    /// </summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(10);

    private readonly TransmitChain[] _chains = [.. Enumerable.Range(0, Batch).Select(_ => new TransmitChain())];
    private readonly GrantCopy[] _copies = new GrantCopy[PageBuffer.Pages];

    /// <summary>Takes all frames, until the front end's next event.</summary>
    /// <param name="receive">
    /// The ring of received frames if it has the same event channel, else <see langword="null"/>: a front end that sends without a pause
    /// causes no event that is seen before the end.
    /// </param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Whether there was any request, in either ring.</returns>
    /// <exception cref="BrokenRingException">The front end has broken the protocol.</exception>
    public async Task<bool> TakeAllAsync(ReceiveServer? receive, CancellationToken cancellationToken)
    {
        bool isAny = receive is not null && receive.OnEvent();
        while (true)
        {
            if (await TakeBatchAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                isAny = true;
                receive?.OnEvent();
                await WaitForCreditAsync(receive, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            if (!ring.FinalCheck())
            {
                return isAny;
            }

            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async ValueTask WaitForCreditAsync(ReceiveServer? receive, CancellationToken cancellationToken)
    {
        while (rate.UntilCredit() is var wait && wait > TimeSpan.Zero)
        {
            wait = wait < LongestWait ? wait : LongestWait;
            await Task.Delay(wait, EventLoop.Clock, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            receive?.OnEvent();
        }
    }

    private async ValueTask<bool> TakeBatchAsync(CancellationToken cancellationToken)
    {
        int whole = 0;
        int copies = 0;
        int bytes = 0;
        int place = 0;
        int most = rate.LimitTo(BatchBytes);
        bool isAny = false;
        while (whole < Batch && bytes < most && copies <= PageBuffer.Pages - TransmitChain.MaximumSlots
            && ring.TryTake(out TransmitRequest request))
        {
            isAny = true;
            if (_chains[whole].Add(in request))
            {
                bytes += _chains[whole].Plan(_copies, ref copies, ref place);
                whole++;
            }
        }

        if (whole == 0)
        {
            return isAny;
        }

        rate.Charge(bytes);
        PageBuffer buffer = PageBuffer.Rent();
        try
        {
            if (copies > 0)
            {
                await foreign.CopyFromAsync(domain, _copies.AsMemory(0, copies), buffer.Memory, cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
            }

            foreach (TransmitChain chain in _chains.AsSpan(0, whole))
            {
                chain.Answer(ring, Handle(chain, buffer.Memory.Span) ? NetProtocol.ResponseOkay : NetProtocol.ResponseError);
            }
        }
        finally
        {
            buffer.Return();
        }

        if (ring.Publish())
        {
            channel.Notify();
        }

        if (whole < Batch)
        {
            // The frame of which the rest has not come is the first of the next batch.
            (_chains[0], _chains[whole]) = (_chains[whole], _chains[0]);
        }

        return true;
    }

    private bool Handle(TransmitChain chain, ReadOnlySpan<byte> buffer)
    {
        if (chain.Multicast is { } address)
        {
            if (chain.Joins)
            {
                return filter.TryAdd(address);
            }

            filter.Remove(address);
            return true;
        }

        if (!chain.IsCopied(_copies) || TryRent(chain.Length) is not { } frame)
        {
            counters.Refused++;
            return false;
        }

        chain.Gather(_copies, buffer, frame);
        if (!IsGood(chain, frame.Data))
        {
            counters.Refused++;
            frame.Dispose();
            return false;
        }

        Send(chain, frame);
        return true;
    }

    private FrameBuffer? TryRent(int length)
    {
        try
        {
            return frames.Rent(length);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    private void Send(TransmitChain chain, FrameBuffer frame)
    {
        frame.IsChecksumBlank = chain.IsChecksumBlank;
        frame.IsChecksumValidated = chain.IsChecksumValidated;
        frame.SegmentKind = chain.SegmentKind;
        frame.SegmentSize = chain.SegmentSize;
        counters.Sent++;
        counters.SentBytes += chain.Length;
        counters.Largest = Math.Max(counters.Largest, chain.Length);
        network.Send(frame);
    }

    private static bool IsGood(TransmitChain chain, ReadOnlySpan<byte> frame) =>
        chain.SegmentSize == 0 || (chain.IsChecksumBlank && SegmentCheck.CanBeCut(frame, chain.SegmentKind, chain.SegmentSize));
}
