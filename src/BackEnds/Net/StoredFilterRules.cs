using System.Globalization;
using Xenlet.BackEnds.Net;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.BackEnds;

/// <summary>
/// Gives a <see cref="PacketFilter"/> the rules that an administrator writes into xenstore, also while it is in use.
/// </summary>
/// <remarks>
/// <para>Below the path, the node <c>rules</c> has the text, and its children, in the order of their names, have more of it, since a node
/// holds some 4,000 bytes. Changes of one transaction are taken as one.</para>
/// <para>A text with an error changes no rule: the node <c>error</c> says what is wrong, in which node and where. It vanishes with the next
/// text that is right. The node <c>in-force</c> counts the changes. Without <c>rules</c> the filter keeps the rules that it has.</para>
/// </remarks>
public sealed class StoredFilterRules : IAsyncDisposable
{
    /// <summary>Where the rules are, below the domain's own directory.</summary>
    public const string DefaultPath = "data/filter";

    private readonly PacketFilter _filter;
    private readonly XenStoreClient _store;
    private readonly string _path;
    private readonly Action<string>? _report;
    private readonly CancellationTokenSource _ending = new();
    private string? _taken;
    private int _changes;
    private Task _following = Task.CompletedTask;

    private StoredFilterRules(PacketFilter filter, XenStoreClient store, string path, Action<string>? report)
    {
        _filter = filter;
        _store = store;
        _path = path;
        _report = report;
    }

    /// <summary>Takes the rules that are there, and follows their changes.</summary>
    /// <param name="filter">Gets the rules.</param>
    /// <param name="store">Has the nodes. It must live longer than this.</param>
    /// <param name="path">Where they are.</param>
    /// <param name="report">Receives a line for each change and each error.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="XenStoreException">The nodes cannot be read.</exception>
    public static async ValueTask<StoredFilterRules> StartAsync(
        PacketFilter filter,
        XenStoreClient store,
        string path = DefaultPath,
        Action<string>? report = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentException.ThrowIfNullOrEmpty(path);
        StoredFilterRules started = new(filter, store, path, report);
        await started.TakeAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        started._following = EventLoop.Start(store.Loop, started.FollowAsync);
        return started;
    }

    /// <summary>Ends it; the filter keeps its rules.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(EventLoop.IsCurrent);
        await EventLoop.OnLoop(_following).ConfigureAwait(EventLoop.IsCurrent);
        _ending.Dispose();
    }

    private async Task FollowAsync()
    {
        XenStoreRetryPause pause = new();
        while (!_ending.IsCancellationRequested)
        {
            try
            {
                XenStoreWatch watch = await _store.WatchAsync($"{_path}/rules", _ending.Token).ConfigureAwait(EventLoop.IsCurrent);
                try
                {
                    while (await watch.WaitToReadAsync(_ending.Token).ConfigureAwait(EventLoop.IsCurrent))
                    {
                        while (watch.TryRead(out _))
                        {
                        }

                        await TakeAsync(_ending.Token).ConfigureAwait(EventLoop.IsCurrent);
                        pause.Reset();
                    }
                }
                finally
                {
                    await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
                }
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                return;
            }
            catch (XenStoreException error)
            {
                _report?.Invoke($"{_path} cannot be followed at present: {error.Message}");
                if (_store.HasEnded)
                {
                    return;
                }

                await EventLoop.OnLoop(Task.WhenAny(Task.Delay(pause.Next(), _ending.Token))).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
    }

    /// <summary>Reads the text, and has it obeyed if it is another one than before.</summary>
    private async ValueTask TakeAsync(CancellationToken cancellationToken)
    {
        FilterText? text = await _store.TransactAsync(
            (transaction, cancellationToken) => FilterText.ReadAsync(transaction, $"{_path}/rules", cancellationToken), cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        if (text is null || text.Whole == _taken)
        {
            return;
        }

        try
        {
            FilterRules rules = FilterRules.Parse(text.Whole);
            _filter.Rules = rules;
            _changes++;
            string said = string.Create(CultureInfo.InvariantCulture, $"change {_changes}: {rules.Describe()}");
            await _store.TryRemoveAsync($"{_path}/error", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            await _store.WriteAsync($"{_path}/in-force", said, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _report?.Invoke(said);
        }
        catch (FilterSyntaxException error)
        {
            string said = text.Locate(error);
            await _store.WriteAsync($"{_path}/error", said, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _report?.Invoke(said);
        }

        _taken = text.Whole;
    }
}
