using System.Buffers;
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

    /// <summary>Bytes after which a batch gets no further frame; fewer where the rate does not allow so many.</summary>
    private const int BatchBytes = 64 * 1024;

    /// <summary>
    /// While a front end may not send, how soon another rate is used, and an event seen of the other ring that has the same channel.
    /// </summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(10);

    private readonly TransmitChain[] _chains = [.. Enumerable.Range(0, Batch).Select(_ => new TransmitChain())];
    private readonly GrantCopy[] _copies = new GrantCopy[Batch * TransmitChain.MaximumSlots];

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
        do
        {
            while (await TakeBatchAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                isAny = true;
                receive?.OnEvent();
                await Task.Yield();
                cancellationToken.ThrowIfCancellationRequested();
                await WaitForCreditAsync(receive, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        while (ring.FinalCheck());
        return isAny;
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
        int most = rate.LimitTo(BatchBytes);
        bool isAny = false;
        while (whole < Batch && bytes < most && ring.TryTake(out TransmitRequest request))
        {
            isAny = true;
            if (_chains[whole].Add(in request))
            {
                bytes += _chains[whole].Plan(_copies, ref copies, bytes);
                whole++;
            }
        }

        if (whole == 0)
        {
            return isAny;
        }

        rate.Charge(bytes);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Max(bytes, 1));
        try
        {
            if (copies > 0)
            {
                await foreign.CopyFromAsync(domain, _copies.AsMemory(0, copies), buffer.AsMemory(0, bytes), cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
            }

            foreach (TransmitChain chain in _chains.AsSpan(0, whole))
            {
                chain.Answer(ring, Handle(chain, buffer) ? NetProtocol.ResponseOkay : NetProtocol.ResponseError);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
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

        if (!chain.IsCopied(_copies) || !IsGood(chain, buffer.Slice(chain.Offset, chain.Length)))
        {
            counters.Refused++;
            return false;
        }

        FrameBuffer frame;
        try
        {
            frame = frames.Rent(chain.Length);
        }
        catch (OutOfMemoryException)
        {
            counters.Refused++;
            return false;
        }

        frame.Append(buffer.Slice(chain.Offset, chain.Length));
        frame.IsChecksumBlank = chain.IsChecksumBlank;
        frame.IsChecksumValidated = chain.IsChecksumValidated;
        frame.SegmentKind = chain.SegmentKind;
        frame.SegmentSize = chain.SegmentSize;
        counters.Sent++;
        counters.SentBytes += chain.Length;
        counters.Largest = Math.Max(counters.Largest, chain.Length);
        network.Send(frame);
        return true;
    }

    private static bool IsGood(TransmitChain chain, ReadOnlySpan<byte> frame) =>
        chain.SegmentSize == 0 || (chain.IsChecksumBlank && SegmentCheck.CanBeCut(frame, chain.SegmentKind, chain.SegmentSize));
}
