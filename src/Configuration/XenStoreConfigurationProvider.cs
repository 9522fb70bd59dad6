using System.Globalization;
using Microsoft.Extensions.Configuration;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Configuration;

/// <summary>Configuration from xenstore. What it has read stays until something else has been read that can be taken.</summary>
public sealed class XenStoreConfigurationProvider : ConfigurationProvider, IDisposable
{
    private readonly XenStoreConfigurationSource _source;
    private readonly CancellationTokenSource _disposal = new();
    private readonly SemaphoreSlim _oneReader = new(1);
    private string? _lastFailure;
    private Task? _following;

    internal XenStoreConfigurationProvider(XenStoreConfigurationSource source) => _source = source;

    /// <summary>Reads everything; the first call also begins to follow changes. Waits until that is done.</summary>
    /// <exception cref="XenStoreException">xenstore does not answer, or the path is missing and not optional.</exception>
    /// <exception cref="InvalidDataException">A node cannot be taken; the message names it.</exception>
    /// <exception cref="TimeoutException">It takes longer than <see cref="XenStoreConfigurationSource.LoadTimeLimit"/>.</exception>
    public override void Load()
    {
        if (_source.Store is null && !DomainStore.IsExpected)
        {
            // A guest without Xen has no xenstore.
            if (_source.IsOptional)
            {
                return;
            }

            throw new XenStoreException(
                XenStoreError.ConnectionClosed,
                $"{_source.Path} is to be read from xenstore, and nobody has opened it: in a guest under Xen, the services that "
                + "XenletServices names do, or DomainServices; elsewhere the source needs a client (Store)");
        }

        // Of the caller's thread nothing is needed but to wait: it may be one that its own work is queued on.
        Task.Run(LoadAsync).GetAwaiter().GetResult();
    }

    /// <summary>Ends the following of changes. The values stay.</summary>
    public void Dispose()
    {
        if (!_disposal.IsCancellationRequested)
        {
            _disposal.Cancel();
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"xenstore {_source.Path}";

    private async Task LoadAsync()
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_disposal.Token);
        limit.CancelAfter(_source.LoadTimeLimit);
        try
        {
            XenStoreClient store = await FindAsync(limit.Token).ConfigureAwait(false);
            if (_following is not null || !_source.ReloadsOnChange)
            {
                await LoadAsync(store, limit.Token).ConfigureAwait(false);
                return;
            }

            // Watched before it is read: of two changes none is missed.
            XenStoreWatch watch = await store.WatchAsync(_source.Path, limit.Token).ConfigureAwait(false);
            try
            {
                await watch.WaitToReadAsync(limit.Token).ConfigureAwait(false);
                watch.TryRead(out _);
                await LoadAsync(store, limit.Token).ConfigureAwait(false);
            }
            catch
            {
                await watch.DisposeAsync().ConfigureAwait(false);
                throw;
            }

            _following = Task.Run(() => FollowAsync(store, watch));
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !_disposal.IsCancellationRequested)
        {
            throw new TimeoutException(string.Create(
                CultureInfo.InvariantCulture, $"{_source.Path} was not read within {_source.LoadTimeLimit.TotalSeconds:0.###} s"));
        }
    }

    private async Task LoadAsync(XenStoreClient store, CancellationToken cancellationToken)
    {
        Dictionary<string, string?>? values = await ReadAsync(store, cancellationToken).ConfigureAwait(false);
        if (values is null && !_source.IsOptional)
        {
            throw new XenStoreException(
                XenStoreError.ENOENT, $"{_source.Path} is not in xenstore, and the configuration needs it: it is not optional");
        }

        Data = values ?? new(StringComparer.OrdinalIgnoreCase);
    }

    private Task<XenStoreClient> FindAsync(CancellationToken cancellationToken) =>
        _source.Store is { } own ? Task.FromResult(own) : DomainStore.WaitAsync(cancellationToken);

    /// <summary>The client that was in use if it has not ended, or the one in its place.</summary>
    private Task<XenStoreClient> FindAsync(XenStoreClient store, CancellationToken cancellationToken) =>
        store.HasEnded ? FindAsync(cancellationToken) : Task.FromResult(store);

    /// <summary>
    /// Reads again after each change until the provider is disposed of, with a watch of its own on each client that comes in place of one
    /// that has ended.
    /// </summary>
    private async Task FollowAsync(XenStoreClient store, XenStoreWatch first)
    {
        XenStoreRetryPause pause = new();
        for (XenStoreWatch? watch = first; !_disposal.IsCancellationRequested; watch = null)
        {
            try
            {
                XenStoreClient found = await FindAsync(store, _disposal.Token).ConfigureAwait(false);
                if (found != store && watch is not null)
                {
                    // The client of the first watch has ended before this began.
                    await watch.DisposeAsync().ConfigureAwait(false);
                    watch = null;
                }

                bool isNew = watch is null;
                store = found;
                watch ??= await store.WatchAsync(_source.Path, _disposal.Token).ConfigureAwait(false);
                pause.Reset();
                await FollowAsync(store, watch, isNew).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_disposal.IsCancellationRequested)
            {
            }
            catch (XenStoreException error)
            {
                if (!store.HasEnded)
                {
                    Report($"{_source.Path} cannot be followed at present: {error.Message}");
                    await Task.WhenAny(store.Closed, Task.Delay(pause.Next(), _disposal.Token)).ConfigureAwait(false);
                }
                else if (_source.Store is not null)
                {
                    Report($"{_source.Path} is not followed any more: {error.Message}");
                    return;
                }

                // A client that was lent ends when the program opens the domain's xenstore itself, which lends another one.
            }
            finally
            {
                if (watch is not null)
                {
                    await watch.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
    }

    /// <param name="store">The client.</param>
    /// <param name="watch">Its watch.</param>
    /// <param name="mayBeNew">Whether the domain may have been restored before the watch was there.</param>
    private async Task FollowAsync(XenStoreClient store, XenStoreWatch watch, bool mayBeNew)
    {
        while (await watch.WaitToReadAsync(_disposal.Token).ConfigureAwait(false))
        {
            await Task.Delay(_source.ReloadDelay, _disposal.Token).ConfigureAwait(false);
            while (watch.TryRead(out XenStoreWatchEvent change))
            {
                mayBeNew |= change.MustRescan;
            }

            try
            {
                Take(await ReadAsync(store, _disposal.Token).ConfigureAwait(false), mayBeNew);
                _lastFailure = null;
            }
            catch (InvalidDataException error)
            {
                Report($"a change is not taken: {error.Message}");
            }
            catch (XenStoreException error) when (!store.HasEnded)
            {
                // After a lost connection the watch gives an event, and all is read again.
                Report($"{_source.Path} cannot be read: {error.Message}");
            }

            mayBeNew = false;
        }
    }

    /// <summary>Takes what was read after a change, and tells whoever waits for changes if it is something else.</summary>
    /// <param name="values">What was read; <see langword="null"/> if the path is gone.</param>
    /// <param name="mayBeNew">Whether this may be a new, empty xenstore.</param>
    private void Take(Dictionary<string, string?>? values, bool mayBeNew)
    {
        if (values is null)
        {
            // A domain that was restored has new nodes: the program keeps what it had until somebody writes there again.
            if (mayBeNew || !_source.IsOptional)
            {
                Report($"{_source.Path} is not in xenstore any more; the values stay what they were");
                return;
            }

            values = new(StringComparer.OrdinalIgnoreCase);
        }

        if (values.Count == Data.Count && values.All(pair => Data.TryGetValue(pair.Key, out string? value) && value == pair.Value))
        {
            return;
        }

        Data = values;
        try
        {
            OnReload();
        }
        catch (Exception error)
        {
            // A listener's failure must not end the following of changes.
            Report($"a listener to the change failed: {error.GetBaseException().Message}");
        }
    }

    private async Task<Dictionary<string, string?>?> ReadAsync(XenStoreClient store, CancellationToken cancellationToken)
    {
        await _oneReader.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await NodeReader.ReadAsync(store, _source, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _oneReader.Release();
        }
    }

    private void Report(string text)
    {
        if (text == _lastFailure)
        {
            return;
        }

        _lastFailure = text;
        string line = ForeignText.Escape($"configuration: {text}");
        if (_source.Report is { } report)
        {
            report(line);
        }
        else
        {
            Console.Error.WriteLine($"xenlet: {line}");
        }
    }
}
