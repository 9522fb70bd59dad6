namespace Xenlet.QemuXen.Machine;

/// <summary>A machine's domains as last listed by dom0, and the domains that are notified of each list. Thread-safe.</summary>
internal sealed class DomainList
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, IFollowedDomain> _followed = [];
    private readonly HashSet<int> _everFollowed = [];
    private readonly List<(string Name, TaskCompletionSource<int> Found)> _sought = [];
    private IReadOnlyList<DomainState> _domains = [];

    /// <summary>The last list, one domain per line.</summary>
    public string Text
    {
        get
        {
            lock (_lock)
            {
                return string.Join('\n', _domains);
            }
        }
    }

    /// <summary>Stores a new list and passes it to every followed domain.</summary>
    public void Take(IReadOnlyList<DomainState> domains)
    {
        lock (_lock)
        {
            _domains = domains;
            foreach (IFollowedDomain domain in _followed.Values)
            {
                domain.Update(domains);
            }

            _sought.RemoveAll(sought => FindNew(sought.Name) is { } found && sought.Found.TrySetResult(found.Id));
        }
    }

    /// <summary>Passes the last list to every followed domain again.</summary>
    public void ShowAgain()
    {
        lock (_lock)
        {
            Take(_domains);
        }
    }

    /// <summary>
    /// Waits until a list has a domain of this name that was never followed, and returns its number. A list may be older than the end of
    /// an earlier domain of the same name.
    /// </summary>
    /// <exception cref="QemuXenException">The machine has ended.</exception>
    public Task<int> FindAsync(string name)
    {
        lock (_lock)
        {
            TaskCompletionSource<int> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (FindNew(name) is { } domain)
            {
                found.SetResult(domain.Id);
            }
            else
            {
                _sought.Add((name, found));
            }

            return found.Task;
        }
    }

    /// <summary>Passes the last list to a domain, and every new one until it is forgotten.</summary>
    public void Follow(IFollowedDomain domain)
    {
        lock (_lock)
        {
            _followed[domain.DomainId] = domain;
            _everFollowed.Add(domain.DomainId);
            domain.Update(_domains);
        }
    }

    /// <summary>Stops passing lists to a domain.</summary>
    public void Forget(IFollowedDomain domain)
    {
        lock (_lock)
        {
            _followed.Remove(domain.DomainId);
        }
    }

    /// <summary>Tells every followed domain that the machine has ended, and waits until each has handled that.</summary>
    public async Task AbandonAsync()
    {
        IFollowedDomain[] followed;
        lock (_lock)
        {
            followed = [.. _followed.Values];
            _sought.ForEach(sought => sought.Found.TrySetException(new QemuXenException($"The machine of {sought.Name} has ended.")));
        }

        foreach (IFollowedDomain domain in followed)
        {
            await domain.AbandonAsync();
        }
    }

    private DomainState? FindNew(string name) =>
        _domains.FirstOrDefault(domain => domain.Name == name && !domain.IsDying && !_everFollowed.Contains(domain.Id));
}
