using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>Answers on a network interface.</summary>
internal sealed class Answering
{
    private readonly NetworkInterface _network;
    private readonly Responder _responder;

    // Announcements come from another thread than answers, and both are made in the responder's one room for frames.
    private readonly Lock _lock = new();

    public Answering(NetworkInterface network, Addresses addresses)
    {
        Span<byte> station = stackalloc byte[MacAddress.Size];
        network.Address.CopyTo(station);
        _network = network;
        _responder = new Responder(station, addresses, network.Mtu, Send);
    }

    /// <summary>What was answered until now.</summary>
    public string Summary => _responder.Summary;

    /// <summary>Answers until it is cancelled, or the interface is taken away.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _network.StateChanged += AnnounceWhenUp;
        try
        {
            Announce();
            while (true)
            {
                FrameBuffer? frame = await _network.ReceiveAsync(cancellationToken);
                do
                {
                    Answer(frame);
                }
                while (_network.TryReceive(out frame));

                // The back end is told once of all answers to what came together.
                _network.Flush();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Asked to end.
        }
        finally
        {
            _network.StateChanged -= AnnounceWhenUp;
        }
    }

    private void Answer(FrameBuffer frame)
    {
        using (frame)
        {
            lock (_lock)
            {
                _responder.Receive(frame.Data, frame.IsChecksumBlank, Environment.TickCount64);
            }
        }
    }

    /// <summary>
    /// After a resume or a migration the interface comes up anew, perhaps on another host, whose bridge has not heard of us.
    /// </summary>
    private void AnnounceWhenUp(object? sender, NetworkStateEventArgs change)
    {
        if (change.State == NetworkState.Up)
        {
            Announce();
        }
    }

    private void Announce()
    {
        lock (_lock)
        {
            _responder.Announce();
        }

        _network.Flush();
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        FrameBuffer frame = _network.RentFrame(bytes.Length);
        frame.Length = bytes.Length;
        bytes.CopyTo(frame.Data);

        // An answer for which the ring has no room is dropped, as on any network: who asked asks again.
        _network.TrySend(frame, hasMore: true);
    }
}
