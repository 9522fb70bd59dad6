namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>Carries the operations of the model out on a real store, below a root.</summary>
internal interface IStoreDoor : IAsyncDisposable
{
    /// <summary>Whether the client names its watches itself, so that none is set twice or removed without being set.</summary>
    bool OwnsTokens { get; }

    /// <summary>Carries one operation out and gives its answer in the model's form.</summary>
    Task<string> AskAsync(StoreOperation operation);

    /// <summary>The events that came since the last call, in the model's form; waits a while for as many as are expected.</summary>
    Task<IReadOnlyCollection<string>> EventsAsync(int expected);
}

/// <summary>The operations as plain messages.</summary>
internal sealed class RawDoor(RawStore store, string root) : IStoreDoor
{
    private readonly Dictionary<int, uint> _transactions = new() { [0] = 0 };

    public bool OwnsTokens => false;

    public Task<string> AskAsync(StoreOperation operation) => Task.FromResult(Ask(operation));

    public Task<IReadOnlyCollection<string>> EventsAsync(int expected) => Task.FromResult<IReadOnlyCollection<string>>(
        [.. store.EventsUntilNow(root).Select(e => e.Replace(root + "/", "", StringComparison.Ordinal))]);

    /// <summary>Makes the root.</summary>
    internal void MakeRoot() => store.Expect(XsType.Mkdir, root + "\0");

    /// <summary>Removes the root and all below it.</summary>
    internal void RemoveRoot() => store.Expect(XsType.Rm, root + "\0");

    public ValueTask DisposeAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    private string Ask(StoreOperation operation)
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
