namespace Xenlet.QemuXen.Machine;

/// <summary>A machine's domains as last listed by dom0, and the domains that are notified of each list. Thread-safe.</summary>
/// <remarks>
/// A list costs dom0 more than most commands, so dom0 reports events, and a list is requested only when someone waits for what it may say.
/// </remarks>
/// <param name="request">Requests a list from dom0, for <see cref="Take"/>. Called under a lock: it must not wait.</param>
internal sealed class DomainList(Action request)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, (IFollowedDomain Domain, int Requests)> _followed = [];
    private readonly HashSet<int> _everFollowed = [];
    private readonly List<(string Name, TaskCompletionSource<int> Found)> _sought = [];
    private readonly List<(int Request, TaskCompletionSource Taken)> _awaited = [];
    private IReadOnlyList<DomainState> _domains = [];
    private long _releases;
    private long _listedReleases;
    private int _requests;
    private bool _isRequested;
    private bool _isOutdated;

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

    /// <summary>How often a domain has shut down or was destroyed.</summary>
    public long Releases
    {
        get
        {
            lock (_lock)
            {
                return _releases;
            }
        }
    }

    /// <summary>Handles an event of dom0: a domain was created.</summary>
    public void HandleIntroduced()
    {
        lock (_lock)
        {
            if (_sought.Count > 0)
            {
                Request();
            }
        }
    }

    /// <summary>Handles an event of dom0: a domain shut down or was destroyed.</summary>
    public void HandleReleased()
    {
        lock (_lock)
        {
            _releases++;
            RequestIfNeeded();
        }
    }

    /// <summary>Stores a new list and passes it to every followed domain.</summary>
    public void Take(IReadOnlyList<DomainState> domains)
    {
        lock (_lock)
        {
            _isRequested = false;
            _domains = domains;
            foreach ((IFollowedDomain domain, int requests) in _followed.Values)
            {
                domain.Update(domains, mayBeOlder: requests == _requests);
            }

            _sought.RemoveAll(sought => FindNew(sought.Name) is { } found && sought.Found.TrySetResult(found.Id));
            _awaited.RemoveAll(awaited => awaited.Request <= _requests && awaited.Taken.TrySetResult());
            if (_isOutdated)
            {
                RequestIfNeeded();
            }
        }
    }

    /// <summary>Requests a list, and waits until it has been passed to every followed domain.</summary>
    /// <exception cref="QemuXenException">The machine has ended.</exception>
    public Task RefreshAsync()
    {
        lock (_lock)
        {
            TaskCompletionSource taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add((_requests + 1, taken));
            Request();
            return taken.Task;
        }
    }

    /// <summary>
    /// Waits until a list that is requested now, or a later one, has a domain of this name that was never followed, and returns its number.
    /// A list may be older than the end of an earlier domain of the same name.
    /// </summary>
    /// <exception cref="QemuXenException">The machine has ended.</exception>
    public Task<int> FindAsync(string name)
    {
        lock (_lock)
        {
            TaskCompletionSource<int> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _sought.Add((name, found));
            Request();
            return found.Task;
        }
    }

    /// <summary>Passes the last list to a domain, and every new one until it is forgotten.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="releases"><see cref="Releases"/> before the domain was created: it may have ended since, unnoticed.</param>
    public void Follow(IFollowedDomain domain, long releases)
    {
        lock (_lock)
        {
            _followed[domain.DomainId] = (domain, _requests);
            _everFollowed.Add(domain.DomainId);
            domain.Update(_domains, mayBeOlder: true);
            if (Math.Max(releases, _listedReleases) < _releases)
            {
                RequestIfNeeded();
            }
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
            followed = [.. _followed.Values.Select(followed => followed.Domain)];
            _sought.ForEach(sought => sought.Found.TrySetException(new QemuXenException($"The machine of {sought.Name} has ended.")));
            _awaited.ForEach(awaited => awaited.Taken.TrySetException(new QemuXenException("The machine has ended.")));
        }

        foreach (IFollowedDomain domain in followed)
        {
            await domain.AbandonAsync();
        }
    }

    private DomainState? FindNew(string name) =>
        _domains.FirstOrDefault(domain => domain.Name == name && !domain.IsDying && !_everFollowed.Contains(domain.Id));

    private void RequestIfNeeded()
    {
        if (_sought.Count > 0 || _awaited.Count > 0 || _followed.Values.Any(followed => !followed.Domain.IsOver))
        {
            Request();
        }
    }

    /// <summary>One list at a time: what happens while dom0 makes one may be missing in it.</summary>
    private void Request()
    {
        _isOutdated = _isRequested;
        if (!_isRequested)
        {
            _isRequested = true;
            _requests++;
            _listedReleases = _releases;
            request();
        }
    }
}
