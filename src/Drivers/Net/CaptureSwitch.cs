using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Net;

/// <summary>Follows <c>data/xenlet/capture</c> in the store, which switches captures on and off by the interface's name.</summary>
internal sealed class CaptureSwitch : IAsyncDisposable
{
    private const string Root = "data/xenlet/capture";
    private readonly XenStoreClient _store;
    private readonly TextWriter? _output;
    private readonly Func<IReadOnlyList<NetworkInterface>> _interfaces;
    private readonly SemaphoreSlim _oneAtATime = new(1);
    private readonly Dictionary<string, string?> _asked = [];
    private XenStoreWatch? _watch;
    private Task _following = Task.CompletedTask;
    private int _number;

    public CaptureSwitch(XenStoreClient store, TextWriter? output, Func<IReadOnlyList<NetworkInterface>> interfaces)
    {
        _store = store;
        _output = output;
        _interfaces = interfaces;
    }

    /// <exception cref="XenStoreException">There are no watches left, or the connection to the store has ended.</exception>
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        _watch = await _store.WatchAsync(Root, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        _following = FollowAsync(_watch);
    }

    /// <summary>Reads what is requested for an interface, and starts or ends its capture.</summary>
    public async ValueTask ApplyAsync(NetworkInterface network)
    {
        await _oneAtATime.WaitAsync().ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            string? text = await _store.TryReadAsync($"{Root}/{network.Name}").ConfigureAwait(EventLoop.IsCurrent);
            if (_asked.TryGetValue(network.Name, out string? before) && before == text && network.Capture is not null)
            {
                return;
            }

            _asked[network.Name] = text;
            if (!CaptureRequest.TryParse(text, out CaptureRequest request))
            {
                network.Report($"{Root}/{network.Name} is neither a number of frames nor 'on' or 'off'");
                return;
            }

            network.Capture?.End();
            network.Capture = request.IsOn ? new FrameCapture(network.Name, ++_number, request, _output ?? Console.Out) : null;
        }
        catch (XenStoreException error)
        {
            network.Report($"{Root}/{network.Name} cannot be read: {error.Message}");
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_watch is not null)
        {
            await _watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        await _following.ConfigureAwait(EventLoop.IsCurrent);
    }

    private async Task FollowAsync(XenStoreWatch watch)
    {
        try
        {
            await foreach (XenStoreWatchEvent happened in watch)
            {
                foreach (NetworkInterface network in _interfaces())
                {
                    if (happened.MustRescan
                        || happened.Path.EndsWith('/' + network.Name, StringComparison.Ordinal)
                        || happened.Path == Root)
                    {
                        await ApplyAsync(network).ConfigureAwait(EventLoop.IsCurrent);
                    }
                }
            }
        }
        catch (XenStoreException)
        {
            // The connection to the store has ended, which its owner reports.
        }
    }
}
