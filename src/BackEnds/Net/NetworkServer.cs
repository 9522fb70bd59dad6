using Xenlet.Kernel;

namespace Xenlet.BackEnds.Net;

/// <summary>Serves both rings of one connection, with one event channel or one for each.</summary>
/// <param name="transmit">The ring of sent frames.</param>
/// <param name="transmitChannel">Its channel.</param>
/// <param name="receive">The ring of received frames.</param>
/// <param name="receiveChannel">Its channel; the same as the other if there is one for both.</param>
/// <param name="reportSpurious">Called after an event without a reason.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "StopAsync disposes of it.")]
internal sealed class NetworkServer(
    TransmitServer transmit,
    IEventChannel transmitChannel,
    ReceiveServer receive,
    IEventChannel receiveChannel,
    Action<IEventChannel> reportSpurious)
{
    private readonly CancellationTokenSource _ending = new();
    private readonly List<Task> _running = [];
    private Action<Exception>? _onFailed;

    private bool IsSplit => transmitChannel != receiveChannel;

    /// <summary>Serves until <see cref="StopAsync"/>.</summary>
    /// <param name="onFailed">Called once if the front end breaks the protocol of a ring.</param>
    public void Start(Action<Exception> onFailed)
    {
        _onFailed = onFailed;
        Run(ServeTransmitRingAsync);
        Run(() => receive.RunAsync(_ending.Token));
        if (IsSplit)
        {
            Run(ServeReceiveEventsAsync);
        }
    }

    /// <summary>Stops. Then nothing uses the front end's pages.</summary>
    public async Task StopAsync()
    {
        _ending.Cancel();
        receive.Close();
        foreach (Task running in _running)
        {
            await EventLoop.OnLoop(running).ConfigureAwait(EventLoop.IsCurrent);
        }

        _ending.Dispose();
    }

    private void Run(Func<Task> work) => _running.Add(EventLoop.Start(EventLoop.Current, async () =>
    {
        try
        {
            await work().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error) when (_ending.IsCancellationRequested && error is OperationCanceledException or ObjectDisposedException)
        {
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }));

    private async Task ServeTransmitRingAsync()
    {
        ReceiveServer? other = IsSplit ? null : receive;

        // Frames may be there before the first event.
        bool isAny = await transmit.TakeAllAsync(other, _ending.Token).ConfigureAwait(EventLoop.IsCurrent);
        while (true)
        {
            await transmitChannel.WaitAsync(_ending.Token).ConfigureAwait(EventLoop.IsCurrent);
            isAny |= await transmit.TakeAllAsync(other, _ending.Token).ConfigureAwait(EventLoop.IsCurrent);
            if (!isAny)
            {
                reportSpurious(transmitChannel);
            }

            isAny = false;
        }
    }

    private async Task ServeReceiveEventsAsync()
    {
        while (true)
        {
            await receiveChannel.WaitAsync(_ending.Token).ConfigureAwait(EventLoop.IsCurrent);
            if (!receive.OnEvent())
            {
                reportSpurious(receiveChannel);
            }
        }
    }

    private void Fail(Exception error)
    {
        if (Interlocked.Exchange(ref _onFailed, null) is { } onFailed)
        {
            // Not from here: who is told waits for this to end.
            _ = EventLoop.Start(EventLoop.Current, () =>
            {
                onFailed(error);
                return Task.CompletedTask;
            });
        }
    }
}
