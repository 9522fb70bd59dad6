using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Devices;

/// <summary>
/// The nodes in which an administrator reads what went wrong with a bus's devices. They outlive their devices and count for the domain's
/// quota, which front ends that fail one after another would use up. So the last ones are kept, and where there is no room for one, older
/// ones go. A bus whose devices can use the quota up by themselves reserves room for the first.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="bus">The bus's directory.</param>
internal sealed class ErrorNodes(XenStoreClient store, string bus)
{
    /// <summary>Devices whose errors are kept.</summary>
    public const int Kept = 32;

    /// <summary>
    /// Nodes of the reserve. The tool stack's nodes of one more device may exceed the quota, some twenty for an interface; an error has
    /// four: type, domain, number and text.
    /// </summary>
    private const int Reserved = 32;

    private readonly AsyncLock _lock = new();
    private readonly LinkedList<string> _written = new();
    private bool _isReserved;

    /// <summary>The store may be another one, after a resume.</summary>
    public void Forget() => _isReserved = false;

    /// <summary>Makes sure that there is room for an error. That there is none already is no error.</summary>
    public async ValueTask ReserveAsync(CancellationToken cancellationToken)
    {
        using AsyncLock.Holder held = await _lock.EnterAsync().ConfigureAwait(EventLoop.IsCurrent);
        if (_isReserved)
        {
            return;
        }

        try
        {
            // All or none: a part would only take room from others.
            await store.TransactAsync(
                async (transaction, token) => await Task.WhenAll(Enumerable.Range(1, Reserved - 1).Select(
                    number => transaction.WriteAsync(FormattableString.Invariant($"{ReservePath}/{number}"), "", token).AsTask()))
                        .ConfigureAwait(EventLoop.IsCurrent),
                cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _isReserved = true;
        }
        catch (XenStoreException error) when (IsQuota(error))
        {
        }
    }

    /// <summary>Writes a device's error.</summary>
    /// <exception cref="XenStoreException">It could not be written.</exception>
    public async ValueTask WriteAsync(string device, byte[] text)
    {
        using AsyncLock.Holder held = await _lock.EnterAsync().ConfigureAwait(EventLoop.IsCurrent);
        _written.Remove(device);
        while (_written.Count >= Kept)
        {
            await RemoveOldestAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        while (!await TryWriteAsync(device, text).ConfigureAwait(EventLoop.IsCurrent))
        {
            if (_isReserved)
            {
                _isReserved = false;
                await store.TryRemoveAsync(ReservePath).ConfigureAwait(EventLoop.IsCurrent);
            }
            else
            {
                await RemoveOldestAsync().ConfigureAwait(EventLoop.IsCurrent);
            }
        }

        _written.AddLast(device);
    }

    private string ReservePath => $"error/{bus}/reserved";

    private static bool IsQuota(XenStoreException error) => error.Error is XenStoreError.ENOSPC or XenStoreError.EQUOTA;

    /// <summary><see langword="false"/> when there is no room, and something can go.</summary>
    private async ValueTask<bool> TryWriteAsync(string device, byte[] text)
    {
        try
        {
            await store.WriteAsync($"error/{device}/error", text).ConfigureAwait(EventLoop.IsCurrent);
            return true;
        }
        catch (XenStoreException error) when (IsQuota(error) && (_isReserved || _written.Count > 0))
        {
            return false;
        }
    }

    /// <summary>Removes the oldest error, and the directories that it leaves empty.</summary>
    private async ValueTask RemoveOldestAsync()
    {
        string path = $"error/{_written.First!.Value}";
        _written.RemoveFirst();
        do
        {
            await store.TryRemoveAsync(path).ConfigureAwait(EventLoop.IsCurrent);
            path = path[..path.LastIndexOf('/')];
        }
        while (path.Length > "error/".Length + bus.Length
            && await store.TryDirectoryAsync(path).ConfigureAwait(EventLoop.IsCurrent) is []);
    }
}
