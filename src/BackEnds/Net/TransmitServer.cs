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

    /// <summary>A frame of so many bytes is a batch of its own, and is copied straight into its memory.</summary>
    private const int LargeBytes = 8 * 1024;

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
        int most = rate.LimitTo(BatchBytes);
        bool isAny = false;
        while (whole < Batch && bytes < most && !IsLarge(whole, bytes) && ring.TryTake(out TransmitRequest request))
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
        if (IsLarge(whole, bytes) && TryRent(bytes) is { } large)
        {
            await TakeLargeAsync(large, copies, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        else
        {
            await TakeManyAsync(whole, copies, bytes, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
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

    private static bool IsLarge(int whole, int bytes) => whole == 1 && bytes >= LargeBytes;

    /// <summary>Copies the only frame of a batch.</summary>
    private async ValueTask TakeLargeAsync(FrameBuffer frame, int copies, CancellationToken cancellationToken)
    {
        TransmitChain chain = _chains[0];
        try
        {
            await foreign.CopyFromAsync(domain, _copies.AsMemory(0, copies), frame.Claim(chain.Length), cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            frame.Dispose();
            throw;
        }

        bool isGood = IsGood(chain, frame.Data);
        if (isGood)
        {
            Send(chain, frame);
        }
        else
        {
            counters.Refused++;
            frame.Dispose();
        }

        Answer(chain, isGood);
    }

    /// <summary>Copies all frames of a batch by way of one buffer.</summary>
    private async ValueTask TakeManyAsync(int whole, int copies, int bytes, CancellationToken cancellationToken)
    {
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
                Answer(chain, Handle(chain, buffer));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Answer(TransmitChain chain, bool isGood) =>
        chain.Answer(ring, isGood ? NetProtocol.ResponseOkay : NetProtocol.ResponseError);

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

        ReadOnlySpan<byte> bytes = chain.Offset < 0 ? default : buffer.Slice(chain.Offset, chain.Length);
        if (!IsGood(chain, bytes) || TryRent(bytes.Length) is not { } frame)
        {
            counters.Refused++;
            return false;
        }

        frame.Append(bytes);
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

    private bool IsGood(TransmitChain chain, ReadOnlySpan<byte> frame) =>
        chain.IsCopied(_copies)
        && (chain.SegmentSize == 0
            || (chain.IsChecksumBlank && SegmentCheck.CanBeCut(frame, chain.SegmentKind, chain.SegmentSize)));
}
