using System.Globalization;

namespace Xenlet.XenStoreRing.Tests.Docs;

/// <summary>The examples of docs/xenstore.md: each region is one of its blocks. Each returns what its block has read.</summary>
internal static class Examples
{
    public static async Task<bool> ConnectAsync(string socket)
    {
        #region connect
        await using XenStoreClient store = await XenStoreClient.ConnectAsync(
            new XenStoreSocketTransport(socket),
            new XenStoreClientOptions { RequestTimeLimit = TimeSpan.FromSeconds(10) });
        #endregion
        return await store.ExistsAsync("/");
    }

    public static async Task<object?[]> NodesAsync(XenStoreClient store)
    {
        #region nodes
        await store.WriteAsync("/tool/example/name", "a value");
        await store.WriteAsync("/tool/example/count", 42);
        string name = await store.ReadAsync("/tool/example/name");
        int count = await store.ReadInt32Async("/tool/example/count");
        string? absent = await store.TryReadAsync("/tool/example/absent");
        string[] names = await store.DirectoryAsync("/tool/example");
        await store.RemoveAsync("/tool/example/count");
        bool exists = await store.ExistsAsync("/tool/example/count");
        #endregion
        return [name, count, absent, string.Join(' ', names.Order()), exists];
    }

    public static async Task<string[]> ManyAsync(XenStoreClient store)
    {
        #region many
        string[] paths = [.. Enumerable.Range(0, 100).Select(i => $"/tool/example/many/{i}")];
        await Task.WhenAll(paths.Select(path => store.WriteAsync(path, path).AsTask()));
        string[] values = await Task.WhenAll(paths.Select(path => store.ReadAsync(path).AsTask()));
        #endregion
        return values;
    }

    public static async Task<int> BufferAsync(XenStoreClient store)
    {
        #region buffer
        byte[] buffer = new byte[64];
        int length = await store.ReadAsync("/tool/example/name", buffer);
        #endregion
        return length;
    }

    public static async Task<List<string>> WatchAsync(XenStoreClient store, Action ready)
    {
        List<string> seen = [];
        #region watch
        await using XenStoreWatch watch = await store.WatchAsync("/tool/example/state");
        await foreach (XenStoreWatchEvent change in watch)
        {
            string? state = await store.TryReadAsync("/tool/example/state");
            seen.Add(state ?? "absent");
            if (state == "4")
            {
                break;
            }

            ready();
        }
        #endregion
        return seen;
    }

    public static async Task<int> TransactionAsync(XenStoreClient store, Func<Task> meanwhile)
    {
        #region transaction
        int next = await store.TransactAsync(async (transaction, cancellationToken) =>
        {
            int last = await transaction.TryReadInt32Async("/tool/example/last", cancellationToken) ?? 0;
            await meanwhile();
            await transaction.WriteAsync("/tool/example/last", last + 1, cancellationToken);
            return last + 1;
        });
        #endregion
        return next;
    }

    public static async Task<bool> OpenTransactionAsync(XenStoreClient store)
    {
        #region open-transaction
        await using XenStoreTransaction transaction = await store.BeginTransactionAsync();
        await transaction.WriteAsync("/tool/example/a", "1");
        await transaction.WriteAsync("/tool/example/b", "1");
        bool committed = await transaction.TryCommitAsync();
        #endregion
        return committed;
    }

    public static async Task<string> ErrorAsync(XenStoreClient store)
    {
        string text = "";
        #region error
        try
        {
            await store.ReadAsync("/tool/example/absent");
        }
        catch (XenStoreException failure) when (failure.Error == XenStoreError.ENOENT)
        {
            text = string.Create(CultureInfo.InvariantCulture, $"{failure.Operation} {failure.Path}: {failure.ErrorName}");
        }
        #endregion
        return text;
    }

    public static async Task<string> PermissionsAsync(XenStoreClient store)
    {
        #region permissions
        await store.SetPermissionsAsync("/tool/example/name", [new(0, XenStoreRights.None), new(5, XenStoreRights.Read)]);
        XenStorePermissionEntry[] permissions = await store.GetPermissionsAsync("/tool/example/name");
        #endregion
        return string.Join(' ', permissions);
    }
}
