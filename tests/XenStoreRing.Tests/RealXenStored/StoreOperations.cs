namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>Carries the operations of the model out on a real store, below a root.</summary>
internal interface IStoreOperations : IAsyncDisposable
{
    /// <summary>Whether the client names its watches itself, so that none is set twice or removed without being set.</summary>
    bool OwnsTokens { get; }

    /// <summary>Carries one operation out and gives its answer in the model's form.</summary>
    Task<string> RunAsync(StoreOperation operation);

    /// <summary>The events that came since the last call, in the model's form; waits a while for as many as are expected.</summary>
    Task<IReadOnlyCollection<string>> EventsAsync(int expected);
}

/// <summary>The operations as plain messages.</summary>
internal sealed class RawOperations(RawStore store, string root, int owner) : IStoreOperations
{
    private readonly Dictionary<int, uint> _transactions = new() { [0] = 0 };

    public bool OwnsTokens => false;

    public Task<string> RunAsync(StoreOperation operation) => Task.FromResult(Run(operation));

    public Task<IReadOnlyCollection<string>> EventsAsync(int expected) => Task.FromResult<IReadOnlyCollection<string>>(
        [.. store.EventsUntilNow(root).Select(e => e.Replace(root + "/", "", StringComparison.Ordinal))]);

    /// <summary>Makes the root.</summary>
    public void MakeRoot() => store.Expect(XsType.Mkdir, root + "\0");

    /// <summary>Removes the root and all below it.</summary>
    public void RemoveRoot() => store.Expect(XsType.Rm, root + "\0");

    public ValueTask DisposeAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    private string Run(StoreOperation operation)
    {
        string path = $"{root}/{operation.Path}\0";
        switch (operation.Kind)
        {
            case StoreOperationKind.Read:
                return Request(XsType.Read, path);
            case StoreOperationKind.Directory:
                return string.Join(' ', Request(XsType.Directory, path).Split('\0').Order(StringComparer.Ordinal));
            case StoreOperationKind.Write:
                return Request(XsType.Write, path + operation.Value);
            case StoreOperationKind.Mkdir:
                return Request(XsType.Mkdir, path);
            case StoreOperationKind.Remove:
                return Request(XsType.Rm, path);
            case StoreOperationKind.GetPermissions:
                return Request(XsType.GetPerms, path);
            case StoreOperationKind.SetPermissions:
                return Request(XsType.SetPerms, $"{path}{operation.Value}{owner}\0");
            case StoreOperationKind.Begin:
                _transactions[operation.Transaction] = store.Begin();
                return "OK";
            case StoreOperationKind.Commit:
                return Request(XsType.TransactionEnd, "T\0");
            case StoreOperationKind.Abort:
                return Request(XsType.TransactionEnd, "F\0");
            case StoreOperationKind.Watch:
                return Request(XsType.Watch, $"{path}{operation.Value}\0");
            default:
                return Request(XsType.Unwatch, $"{path}{operation.Value}\0");
        }

        string Request(XsType type, string payload) => store.Request(type, payload, _transactions[operation.Transaction]).Outcome;
    }
}

/// <summary>The operations by the library's client.</summary>
internal sealed class ClientOperations(XenStoreClient client, string root, int owner) : IStoreOperations
{
    private static readonly TimeSpan EventLimit = TimeSpan.FromMinutes(1);
    private static readonly Dictionary<string, XenStoreRights> Rights = new()
    {
        ["n"] = XenStoreRights.None,
        ["r"] = XenStoreRights.Read,
        ["w"] = XenStoreRights.Write,
        ["b"] = XenStoreRights.ReadWrite,
    };

    private readonly Dictionary<int, XenStoreTransaction> _transactions = [];
    private readonly Dictionary<(string Path, string Token), XenStoreWatch> _watches = [];

    public bool OwnsTokens => true;

    public async Task<string> RunAsync(StoreOperation operation)
    {
        try
        {
            return await RunOrThrowAsync(operation);
        }
        catch (XenStoreException error)
        {
            return "!" + error.ErrorName;
        }
    }

    public async Task<IReadOnlyCollection<string>> EventsAsync(int expected)
    {
        // The events come before this reply, and one that nobody expects is here as well.
        await client.GetDomainPathAsync(0);
        List<string> events = new();
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            foreach (((string _, string token), XenStoreWatch watch) in _watches)
            {
                while (watch.TryRead(out XenStoreWatchEvent change))
                {
                    string path = change.MustRescan ? "everything" : change.Path[(root.Length + 1)..];
                    events.Add($"{path}|{token}");
                }
            }

            if (events.Count >= expected || System.Diagnostics.Stopwatch.GetElapsedTime(began) > EventLimit)
            {
                return events;
            }

            await Task.Delay(1);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (XenStoreTransaction transaction in _transactions.Values)
        {
            await transaction.DisposeAsync();
        }

        foreach (XenStoreWatch watch in _watches.Values)
        {
            await watch.DisposeAsync();
        }
    }

    private async Task<string> RunOrThrowAsync(StoreOperation operation)
    {
        string path = $"{root}/{operation.Path}";
        XenStoreOperations store = operation.Transaction != 0 && operation.Kind != StoreOperationKind.Begin
            ? _transactions[operation.Transaction]
            : client;
        switch (operation.Kind)
        {
            case StoreOperationKind.Read:
                return await store.ReadAsync(path);
            case StoreOperationKind.Directory:
                return string.Join(' ', (await store.DirectoryAsync(path)).Order(StringComparer.Ordinal));
            case StoreOperationKind.Write:
                await store.WriteAsync(path, operation.Value);
                break;
            case StoreOperationKind.Mkdir:
                await store.MakeDirectoryAsync(path);
                break;
            case StoreOperationKind.Remove:
                await store.RemoveAsync(path);
                break;
            case StoreOperationKind.GetPermissions:
                return string.Join(' ', await store.GetPermissionsAsync(path));
            case StoreOperationKind.SetPermissions:
                await store.SetPermissionsAsync(path, [new((uint)owner, Rights[operation.Value])]);
                break;
            case StoreOperationKind.Begin:
                _transactions[operation.Transaction] = await client.BeginTransactionAsync();
                break;
            case StoreOperationKind.Commit:
                await _transactions[operation.Transaction].CommitAsync();
                break;
            case StoreOperationKind.Abort:
                await _transactions[operation.Transaction].AbortAsync();
                break;
            case StoreOperationKind.Watch:
                _watches.Add((operation.Path, operation.Value), await client.WatchAsync(path));
                break;
            default:
                _watches.Remove((operation.Path, operation.Value), out XenStoreWatch? watch);
                await watch!.DisposeAsync();
                break;
        }

        return "OK";
    }
}
