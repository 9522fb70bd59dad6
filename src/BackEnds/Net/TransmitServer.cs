using Xenlet.BackEnds.Net.Filter;
using Xenlet.Drivers;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Takes the frames that a front end sends, a batch of them at a time: one hypercall copies all of their parts, since each costs the same
/// for one part as for 32. What is checked and handed on is the copy, which the front end cannot change.
/// </summary>
/// <remarks>
/// Of a large frame of TCP, only the head is copied at first. If the network says that it goes to one other front end, and that can have it
/// now as it is, Xen copies the rest from page to page (<see cref="StraightFrame"/>); otherwise the rest is copied like any other frame.
/// </remarks>
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
    private readonly byte[] _head = new byte[StraightFrame.MostHead];
    private readonly IFrameRouter? _router = network as IFrameRouter;

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
        int head = 0;
        bool isAny = false;
        while (whole < Batch && bytes < most && head == 0 && copies <= PageBuffer.Pages - TransmitChain.MaximumSlots
            && ring.TryTake(out TransmitRequest request))
        {
            isAny = true;
            if (_chains[whole].Add(in request))
            {
                TransmitChain chain = _chains[whole++];
                chain.Examine();
                if (chain.IsSound)
                {
                    bytes += chain.Length;
                    head = _router is null ? 0 : StraightFrame.HeadLengthOf(chain);
                    chain.Plan(0, head > 0 ? head : chain.Length, _copies, ref copies, ref place);
                }
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

            foreach (TransmitChain chain in _chains.AsSpan(0, head > 0 ? whole - 1 : whole))
            {
                chain.Answer(ring, StatusOf(Handle(chain, buffer.Memory.Span)));
            }

            if (head > 0)
            {
                TransmitChain chain = _chains[whole - 1];
                bool isGood = await HandleHeadAsync(chain, head, buffer, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                chain.Answer(ring, StatusOf(isGood));
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

        return Gather(chain, [], buffer) is { } frame && Handle(chain, frame);
    }

    private bool Handle(TransmitChain chain, FrameBuffer frame)
    {
        if (!IsGood(chain, frame.Data))
        {
            counters.Refused++;
            frame.Dispose();
            return false;
        }

        Count(chain);
        network.Send(frame);
        return true;
    }

    /// <summary>Handles a frame of which only the head was copied yet.</summary>
    /// <returns>Whether its requests are answered as good ones.</returns>
    private async ValueTask<bool> HandleHeadAsync(
        TransmitChain chain, int headLength, PageBuffer buffer, CancellationToken cancellationToken)
    {
        if (!chain.IsCopied(_copies))
        {
            counters.Refused++;
            return false;
        }

        chain.Gather(_copies, buffer.Memory.Span, _head);
        FrameRoute? route = Route(chain, headLength, buffer.Memory.Span);
        if (route is { Verdict: FilterVerdict.Drop }
            || route?.OnlyFrontEnd?.TryDeliver(new StraightFrame(chain, domain, _head.AsSpan(0, headLength))) == true)
        {
            Count(chain);
            return true;
        }

        // The rest comes to the head that was read: the front end may have written another one meanwhile.
        int copies = 0;
        int place = 0;
        chain.Plan(headLength, chain.Length, _copies, ref copies, ref place);
        await foreign.CopyFromAsync(domain, _copies.AsMemory(0, copies), buffer.Memory, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        if (Gather(chain, _head.AsSpan(0, headLength), buffer.Memory.Span) is not { } frame)
        {
            return false;
        }

        if (route is not { } decided)
        {
            return Handle(chain, frame);
        }

        Count(chain);
        _router!.Send(decided, frame);
        return true;
    }

    /// <summary>Where a frame goes, by its head; null if that is not enough to say it.</summary>
    private FrameRoute? Route(TransmitChain chain, int headLength, Span<byte> buffer)
    {
        // Behind the head there is anything: nobody reads it.
        Span<byte> frame = buffer[..chain.Length];
        _head.AsSpan(0, headLength).CopyTo(frame);
        return StraightFrame.IsReadable(chain, frame, headLength) ? _router!.Route(frame) : null;
    }

    /// <summary>
    /// Makes a frame of its beginning and what was copied behind that. Null if that was not all copied, or without memory.
    /// </summary>
    private FrameBuffer? Gather(TransmitChain chain, ReadOnlySpan<byte> beginning, ReadOnlySpan<byte> buffer)
    {
        if (!chain.IsCopied(_copies) || TryRent(chain.Length) is not { } frame)
        {
            counters.Refused++;
            return null;
        }

        frame.Append(beginning);
        chain.Gather(_copies, buffer, frame);
        frame.IsChecksumBlank = chain.IsChecksumBlank;
        frame.IsChecksumValidated = chain.IsChecksumValidated;
        frame.SegmentKind = chain.SegmentKind;
        frame.SegmentSize = chain.SegmentSize;
        return frame;
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

    private void Count(TransmitChain chain)
    {
        counters.Sent++;
        counters.SentBytes += chain.Length;
        counters.Largest = Math.Max(counters.Largest, chain.Length);
    }

    private static short StatusOf(bool isGood) => isGood ? NetProtocol.ResponseOkay : NetProtocol.ResponseError;

    private static bool IsGood(TransmitChain chain, ReadOnlySpan<byte> frame) =>
        chain.SegmentSize == 0 || (chain.IsChecksumBlank && SegmentCheck.CanBeCut(frame, chain.SegmentKind, chain.SegmentSize));
}
