using System.Collections.Immutable;

namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>
/// A model of xenstored 4.17 for one owner's subtree: nodes with permissions and generations, transactions that fail when a node
/// they have read has another generation, and watches. Paths are relative to a root that exists; "" is the root. A test
/// compares its answers with a real daemon's.
/// </summary>
/// <param name="owner">The domain that owns the root and all below it.</param>
internal sealed class StoreModel(int owner)
{
    private readonly SortedDictionary<string, Node> _nodes = new(StringComparer.Ordinal) { [""] = new("", $"n{owner}", [], 0) };
    private readonly Dictionary<int, Transaction> _transactions = [];
    private readonly HashSet<(string Path, string Token)> _watches = [];
    private long _generation;

    /// <summary>Whether an operation sets a watch that is set or removes one that is not.</summary>
    public bool MistakesWatch(StoreOperation operation) => operation.Kind switch
    {
        StoreOperationKind.Watch => _watches.Contains((operation.Path, operation.Value)),
        StoreOperationKind.Unwatch => !_watches.Contains((operation.Path, operation.Value)),
        _ => false,
    };

    /// <summary>Whether an operation means anything in the present state: transactions are ended once, and used while open.</summary>
    /// <remarks>
    /// What another client does meanwhile can make a transaction see parts of different states: a child that its parent does not
    /// have, or a child's name without the child. Its commit fails in any case; what it changes there is not modelled.
    /// </remarks>
    public bool Allows(StoreOperation operation) => operation.Kind switch
    {
        StoreOperationKind.Begin => !_transactions.ContainsKey(operation.Transaction),
        StoreOperationKind.Commit or StoreOperationKind.Abort => _transactions.ContainsKey(operation.Transaction),
        _ when operation.Transaction == 0 => true,
        _ when !_transactions.ContainsKey(operation.Transaction) => false,
        StoreOperationKind.Remove => !IsTorn(_transactions[operation.Transaction], operation.Path),
        StoreOperationKind.Write or StoreOperationKind.Mkdir => !IsNameWithoutNode(_transactions[operation.Transaction], operation.Path),
        _ => true,
    };

    /// <summary>The answer to an operation; the events it fires are added, "path|token" each.</summary>
    public string Apply(StoreOperation operation, ICollection<string> events)
    {
        Transaction? transaction = operation.Transaction == 0 ? null : _transactions.GetValueOrDefault(operation.Transaction);
        string path = operation.Path;
        switch (operation.Kind)
        {
            case StoreOperationKind.Read:
                return Find(transaction, path)?.Value ?? "!ENOENT";
            case StoreOperationKind.Directory:
                return Find(transaction, path) is { } listed ? string.Join(' ', listed.Children) : "!ENOENT";
            case StoreOperationKind.Write:
                Find(transaction, path);
                Put(transaction, path, operation.Value);
                Changed(transaction, path, exact: false, events);
                return "OK";
            case StoreOperationKind.Mkdir:
                if (Find(transaction, path) is null)
                {
                    Put(transaction, path, "");
                    Changed(transaction, path, exact: false, events);
                }

                return "OK";
            case StoreOperationKind.Remove:
                return Remove(transaction, path, events);
            case StoreOperationKind.GetPermissions:
                return Find(transaction, path)?.Permissions ?? "!ENOENT";
            case StoreOperationKind.SetPermissions:
                if (Find(transaction, path) is not { } node)
                {
                    return "!ENOENT";
                }

                Set(transaction, path, node with { Permissions = $"{operation.Value}{owner}" });
                Changed(transaction, path, exact: false, events);
                return "OK";
            case StoreOperationKind.Begin:
                _transactions.Add(operation.Transaction, new());
                return "OK";
            case StoreOperationKind.Abort:
                _transactions.Remove(operation.Transaction);
                return "OK";
            case StoreOperationKind.Commit:
                return Commit(operation.Transaction, events);
            case StoreOperationKind.Watch:
                if (!_watches.Add((path, operation.Value)))
                {
                    return "!EEXIST";
                }

                events.Add($"{path}|{operation.Value}");
                return "OK";
            case StoreOperationKind.Unwatch:
                return _watches.Remove((path, operation.Value)) ? "OK" : "!ENOENT";
            default:
                throw new ArgumentOutOfRangeException(nameof(operation), operation.Kind, null);
        }
    }

    private static string ParentOf(string path) => path[..Math.Max(0, path.LastIndexOf('/'))];

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static bool IsBelow(string path, string directory) =>
        directory.Length == 0 ? path.Length > 0 : path.StartsWith(directory + "/", StringComparison.Ordinal);

    private string Remove(Transaction? transaction, string path, ICollection<string> events)
    {
        string parent = ParentOf(path);
        if (Find(transaction, path) is null)
        {
            return Current(transaction, parent) is null ? "!ENOENT" : "OK";
        }

        foreach (string below in Below(transaction, path).ToList())
        {
            Set(transaction, below, null);
            Changed(transaction, below, exact: true, events);
        }

        Node parentNode = Current(transaction, parent)!;
        Set(transaction, path, null);
        Set(transaction, parent, parentNode with { Children = parentNode.Children.Remove(NameOf(path)) });
        Changed(transaction, path, exact: false, events);
        return "OK";
    }

    private string Commit(int number, ICollection<string> events)
    {
        _transactions.Remove(number, out Transaction? transaction);
        if (transaction!.Seen.Any(seen => _nodes.GetValueOrDefault(seen.Key)?.Generation != seen.Value?.Generation))
        {
            return "!EAGAIN";
        }

        foreach ((string path, Node? node) in transaction.Written)
        {
            Set(null, path, node);
        }

        foreach ((string path, bool exact) in transaction.Changes)
        {
            // A node's permissions decide who gets its events; a node created and removed inside has none.
            if (transaction.Seen[path] is not null || transaction.Written[path] is not null)
            {
                Fire(path, exact, events);
            }
        }

        return "OK";
    }

    /// <summary>Reads a node as xenstored does: for one that is missing it also asks those above, up to the first there is.</summary>
    private Node? Find(Transaction? transaction, string path)
    {
        Node? node = Current(transaction, path);
        for (string asked = path; asked.Length > 0 && Current(transaction, asked) is null; asked = ParentOf(asked))
        {
            Current(transaction, ParentOf(asked));
        }

        return node;
    }

    /// <summary>A node in its present state, or as a transaction read it first.</summary>
    private Node? Current(Transaction? transaction, string path)
    {
        if (transaction is null)
        {
            return _nodes.GetValueOrDefault(path);
        }

        if (transaction.Written.TryGetValue(path, out Node? node) || transaction.Seen.TryGetValue(path, out node))
        {
            return node;
        }

        return transaction.Seen[path] = _nodes.GetValueOrDefault(path);
    }

    /// <summary>The paths of all nodes below one.</summary>
    private IEnumerable<string> Below(Transaction? transaction, string path) =>
        Current(transaction, path)!.Children.Select(name => $"{path}/{name}").SelectMany(child => Below(transaction, child).Prepend(child));

    private Node? Peek(Transaction transaction, string path) =>
        transaction.Written.TryGetValue(path, out Node? node) || transaction.Seen.TryGetValue(path, out node)
            ? node
            : _nodes.GetValueOrDefault(path);

    private bool IsNameWithoutNode(Transaction transaction, string path) =>
        path.Length > 0
        && Peek(transaction, path) is null
        && (Peek(transaction, ParentOf(path))?.Children.Contains(NameOf(path)) == true || IsNameWithoutNode(transaction, ParentOf(path)));

    private bool IsTorn(Transaction transaction, string path) =>
        Peek(transaction, path) is { } node
        && (Peek(transaction, ParentOf(path))?.Children.Contains(NameOf(path)) != true
            || node.Children.Select(name => $"{path}/{name}").Any(child => Peek(transaction, child) is null || IsTorn(transaction, child)));

    private void Put(Transaction? transaction, string path, string value)
    {
        if (Current(transaction, path) is { } node)
        {
            Set(transaction, path, node with { Value = value });
            return;
        }

        string parent = ParentOf(path);
        if (Current(transaction, parent) is null)
        {
            Put(transaction, parent, "");
        }

        // A node's list of children is part of the node. A new node has the permissions of the one above it.
        Node parentNode = Current(transaction, parent)!;
        Set(transaction, parent, parentNode with { Children = parentNode.Children.Add(NameOf(path)) });
        Set(transaction, path, new(value, parentNode.Permissions, [], 0));
    }

    private void Set(Transaction? transaction, string path, Node? node)
    {
        if (transaction is not null)
        {
            transaction.Written[path] = node;
        }
        else if (node is null)
        {
            _nodes.Remove(path);
        }
        else
        {
            _nodes[path] = node with { Generation = ++_generation };
        }
    }

    private void Changed(Transaction? transaction, string path, bool exact, ICollection<string> events)
    {
        if (transaction is not null)
        {
            // A node that was changed itself and then removed with one above it fires all watches, as the change did.
            transaction.Changes[path] = exact && transaction.Changes.GetValueOrDefault(path, true);
        }
        else
        {
            Fire(path, exact, events);
        }
    }

    private void Fire(string path, bool exact, ICollection<string> events)
    {
        foreach ((string watched, string token) in _watches)
        {
            if (watched == path || (!exact && IsBelow(path, watched)))
            {
                events.Add($"{path}|{token}");
            }
        }
    }

    private sealed record Node(string Value, string Permissions, ImmutableSortedSet<string> Children, long Generation);

    private sealed class Transaction
    {
        /// <summary>Nodes as they were when first read; null for those that were missing.</summary>
        public Dictionary<string, Node?> Seen { get; } = new(StringComparer.Ordinal);

        /// <summary>Nodes written; null for those removed.</summary>
        public Dictionary<string, Node?> Written { get; } = new(StringComparer.Ordinal);

        /// <summary>Nodes to fire for, and whether only watches of that very node are to.</summary>
        public Dictionary<string, bool> Changes { get; } = new(StringComparer.Ordinal);
    }
}

/// <summary>What can be asked of a store.</summary>
internal enum StoreOperationKind
{
    Read,
    Directory,
    Write,
    Mkdir,
    Remove,
    GetPermissions,
    SetPermissions,
    Begin,
    Commit,
    Abort,
    Watch,
    Unwatch,
}

/// <summary>One request: by the client under test or by another, in a numbered transaction or (0) in none.</summary>
/// <param name="Kind">The request.</param>
/// <param name="Path">The node, relative to the root.</param>
/// <param name="Value">What is written, a watch's token, or the rights of all but the owner: n, r, w or b.</param>
/// <param name="Transaction">The transaction, or 0.</param>
/// <param name="ByOther">Whether another client, dom0, sends it.</param>
internal sealed record StoreOperation(StoreOperationKind Kind, string Path, string Value, int Transaction, bool ByOther);
