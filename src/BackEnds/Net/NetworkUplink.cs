using System.Globalization;
using Xenlet.BackEnds.Net;
using Xenlet.Drivers;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds;

/// <summary>
/// A port of a switch behind which a network interface of this domain is, and with it the network of another domain's bridge. The interface
/// is the switch's alone: frames for any address go through it, and the domain has none of its own there.
/// </summary>
/// <remarks>
/// <para>Frames to be sent wait in a bounded queue while the interface's ring is full, it is suspended, or it connects again; further ones
/// are dropped. What the interface's back end cannot do is done here: frames are cut into TCP segments, and checksums completed.</para>
/// <para>Frames of the interface that come while it is not connected are lost, as on an unplugged cable.</para>
/// </remarks>
public sealed class NetworkUplink : IAsyncDisposable
{
    /// <summary>Received frames after which others have their turn.</summary>
    private const int Batch = 32;

    /// <summary>Sent frames after which others have theirs: as many as several front ends send between two turns.</summary>
    private const int SendBatch = 256;

    private readonly CancellationTokenSource _ending = new();
    private readonly LearningSwitch _bridge;
    private readonly NetworkInterface _network;
    private readonly Outgoing _outgoing;
    private readonly IFramePort _port;
    private long _refused;

    /// <summary>Joins a switch and an interface.</summary>
    /// <param name="bridge">The switch. It stays the caller's.</param>
    /// <param name="network">The interface, whose driver does not filter multicast (<see cref="NetworkOptions.FiltersMulticast"/>).</param>
    /// <param name="limits">How many frames wait for the interface, as for a front end.</param>
    /// <exception cref="InvalidOperationException">A TCP/IP stack uses the interface.</exception>
    public NetworkUplink(LearningSwitch bridge, NetworkInterface network, BackEndLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(bridge);
        ArgumentNullException.ThrowIfNull(network);
        if (network.Link is not null)
        {
            throw new InvalidOperationException($"{network.Name} is used by the TCP/IP stack: it cannot be an uplink too");
        }

        _bridge = bridge;
        _network = network;
        _outgoing = new(network, limits ?? new());
        _port = bridge.AddPort(_outgoing);
        Completion = EventLoop.Start(network.Loop, RunAsync);
    }

    /// <summary>
    /// Ends when the interface is gone or this is disposed of; then the switch has no such port any more. An interface that is plugged
    /// again is another one, which needs an uplink of its own.
    /// </summary>
    public Task Completion { get; }

    /// <summary>Takes the port away from the switch. The interface remains, and may be used by others.</summary>
    public async ValueTask DisposeAsync()
    {
        _ending.Cancel();
        await EventLoop.OnLoop(Completion).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>A line for an administrator.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{_network}: {_outgoing}; {Volatile.Read(ref _refused)} received frames refused");

    private async Task RunAsync()
    {
        Task sending = _outgoing.RunAsync(_ending);
        try
        {
            await ReceiveAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error) when (IsEnd(error))
        {
        }
        finally
        {
            _bridge.Disconnect(_outgoing);
            _ending.Cancel();
            await EventLoop.OnLoop(sending).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async Task ReceiveAsync()
    {
        for (int count = 1; ; count++)
        {
            Receive(await _network.ReceiveAsync(_ending.Token).ConfigureAwait(EventLoop.IsCurrent));
            if (count % Batch == 0)
            {
                await Task.Yield();
                _ending.Token.ThrowIfCancellationRequested();
            }
        }
    }

    private void Receive(FrameBuffer frame)
    {
        if (frame.SegmentSize > 0 && !TryPrepare(frame))
        {
            Interlocked.Increment(ref _refused);
            frame.Dispose();
            return;
        }

        _port.Send(frame);
    }

    /// <summary>A frame that stands for several segments has a blank checksum on all further ways.</summary>
    private static bool TryPrepare(FrameBuffer frame)
    {
        if (!SegmentCheck.CanBeCut(frame.Data, frame.SegmentKind, frame.SegmentSize))
        {
            return false;
        }

        if (!frame.IsChecksumBlank)
        {
            frame.IsChecksumBlank = InternetChecksum.TryFillPseudoHeader(frame.Data);
        }

        return frame.IsChecksumBlank;
    }

    private static bool IsEnd(Exception error) => error is OperationCanceledException or NetworkInterfaceGoneException;

    /// <summary>Takes the switch's frames, and sends them one after another.</summary>
    private sealed class Outgoing(NetworkInterface network, BackEndLimits limits) : IFramePort
    {
        private readonly FairFrameQueue _queue = new(limits.WaitingFrames, limits.WaitingBytes);
        private long _dropped;
        private volatile bool _isEnded;

        public void Send(FrameBuffer frame)
        {
            if (_isEnded)
            {
                Interlocked.Increment(ref _dropped);
                frame.Dispose();
                return;
            }

            Interlocked.Add(ref _dropped, _queue.Add(frame));
            _queue.Wake();
        }

        /// <summary>Sends until the token is cancelled, and cancels it if it cannot go on.</summary>
        public async Task RunAsync(CancellationTokenSource ending)
        {
            CancellationToken cancellationToken = ending.Token;
            try
            {
                while (true)
                {
                    for (int count = 1; _queue.TryTake(out FrameBuffer? frame); count++)
                    {
                        await SendAsync(frame!, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                        if (count % SendBatch == 0)
                        {
                            await Task.Yield();
                        }
                    }

                    await _queue.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }
            }
            catch (Exception error) when (IsEnd(error))
            {
            }
            finally
            {
                ending.Cancel();
                _isEnded = true;
                _queue.Clear();
            }
        }

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"{_queue.Count} frames wait, {Interlocked.Read(ref _dropped)} dropped");

        private ValueTask SendAsync(FrameBuffer frame, CancellationToken cancellationToken) =>
            frame.SegmentSize == 0 || network.Offloads.HasFlag(frame.SegmentKind.Offload())
                ? network.SendAsync(frame, hasMore: _queue.Count > 0, cancellationToken)
                : CutAsync(frame, cancellationToken);

        private async ValueTask CutAsync(FrameBuffer frame, CancellationToken cancellationToken)
        {
            using (frame)
            {
                try
                {
                    for (int i = 0; TryMake(frame, i, out FrameBuffer? segment, out bool isLast); i++)
                    {
                        await network.SendAsync(segment!, hasMore: !isLast || _queue.Count > 0, cancellationToken)
                            .ConfigureAwait(EventLoop.IsCurrent);
                    }
                }
                catch (OutOfMemoryException)
                {
                    // The rest of the frame is lost, as on any network.
                    Interlocked.Increment(ref _dropped);
                    network.Flush();
                }
            }
        }

        /// <summary>Makes one segment. Its checksum is complete.</summary>
        private bool TryMake(FrameBuffer frame, int index, out FrameBuffer? segment, out bool isLast)
        {
            segment = null;
            isLast = true;
            if (!TcpSegments.TryRead(frame.Data, frame.SegmentSize, out TcpSegments segments) || index >= segments.Count)
            {
                return false;
            }

            int length = segments.LengthOf(index);
            segment = network.RentFrame(length);
            segment.Length = length;
            segments.Write(index, segment.Data);
            segment.IsChecksumValidated = true;
            isLast = index + 1 == segments.Count;
            return true;
        }
    }
}
