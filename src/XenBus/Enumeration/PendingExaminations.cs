using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Enumeration;

/// <summary>
/// What waits to be examined, merged and limited: however many events arrive, one examination answers them, and the memory that they take
/// is bounded. What could not be examined is kept apart until it is tried again. All members may be called from any thread.
/// </summary>
/// <param name="root">The bus's directory: the scope that stands for everything.</param>
internal sealed class PendingExaminations(string root)
{
    /// <summary>Device nodes that wait at most; beyond it everything is examined.</summary>
    public const int MaxNodes = 1024;

    /// <summary>Changes that are kept for one node; the next becomes "anything may have changed".</summary>
    public const int MaxChanges = 64;

    private readonly Lock _lock = new();
    private ExaminationRequest _waiting = new();
    private ExaminationRequest _failed = new();

    /// <summary>Whether something could not be examined and has not been tried again.</summary>
    public bool HasFailed
    {
        get
        {
            lock (_lock)
            {
                return !_failed.IsEmpty;
            }
        }
    }

    /// <summary>Has everything at or below a path examined.</summary>
    /// <param name="scope">The bus's directory, or one below it that is above devices.</param>
    /// <param name="notify">Whether drivers are told that anything may have changed.</param>
    public void AddScope(string scope, bool notify)
    {
        lock (_lock)
        {
            AddScope(_waiting, scope, notify);
        }
    }

    /// <summary>Has one node examined.</summary>
    /// <param name="node">A device's node.</param>
    /// <param name="change">The rest of the path that changed; empty for any.</param>
    public void AddNode(string node, string change)
    {
        lock (_lock)
        {
            AddWaitingNode(node, change);
        }
    }

    /// <summary>Takes all that waits.</summary>
    public ExaminationRequest Take()
    {
        lock (_lock)
        {
            (ExaminationRequest taken, _waiting) = (_waiting, new());
            return taken;
        }
    }

    /// <summary>Keeps what an enumeration could not examine until <see cref="RetryFailed"/>.</summary>
    public void KeepFailed(EnumerationResult result)
    {
        lock (_lock)
        {
            if (result.Scopes.TryGetValue(root, out bool notify))
            {
                // Boot is over when one examination has seen the whole bus, so the whole is tried again.
                AddScope(_failed, root, notify);
            }
            else
            {
                foreach (string path in result.Unlisted)
                {
                    notify = result.Scopes.Any(scope => scope.Value && XenStorePath.IsAtOrBelow(path, scope.Key));
                    AddScope(_failed, path, notify);
                }
            }

            foreach ((string node, HashSet<string> changes) in result.Unexamined)
            {
                if (!_failed.Nodes.TryAdd(node, changes))
                {
                    _failed.Nodes[node].UnionWith(changes);
                }
            }
        }
    }

    /// <summary>Moves what could not be examined to what waits.</summary>
    public void RetryFailed()
    {
        lock (_lock)
        {
            (ExaminationRequest failed, _failed) = (_failed, new());
            foreach ((string scope, bool notify) in failed.Scopes)
            {
                AddScope(_waiting, scope, notify);
            }

            foreach ((string node, HashSet<string> changes) in failed.Nodes)
            {
                // Without a change to tell the driver, the state is what could not be examined.
                foreach (string change in changes.DefaultIfEmpty("/state"))
                {
                    AddWaitingNode(node, change);
                }
            }
        }
    }

    private static void AddScope(ExaminationRequest request, string scope, bool notify) =>
        request.Scopes[scope] = notify || request.Scopes.GetValueOrDefault(scope);

    private void AddWaitingNode(string node, string change)
    {
        if (_waiting.Nodes.TryGetValue(node, out HashSet<string>? changes))
        {
            changes.Add(changes.Count < MaxChanges ? change : "");
        }
        else if (_waiting.Nodes.Count < MaxNodes)
        {
            _waiting.Nodes[node] = [change];
        }
        else
        {
            _waiting.Nodes.Clear();
            _waiting.Scopes[root] = true;
        }
    }
}
