namespace Xenlet.QemuXen.Machine;

/// <summary>The domains of a machine as dom0 listed them last, and who is told of each list. Safe for several threads.</summary>
internal sealed class DomainList
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, IFollowedDomain> _followed = [];
    private IReadOnlyList<DomainState> _domains = [];

    /// <summary>The last list, one domain a line.</summary>
    public string Text
    {
        get
        {
            lock (_gate)
            {
                return string.Join('\n', _domains);
            }
        }
    }

    /// <summary>Takes a new list and shows it to every domain that is followed.</summary>
    public void Take(IReadOnlyList<DomainState> domains)
    {
        lock (_gate)
        {
            _domains = domains;
            foreach (IFollowedDomain domain in _followed.Values)
            {
                domain.Update(domains);
            }
        }
    }

    /// <summary>Shows every domain that is followed the last list again.</summary>
    public void ShowAgain()
    {
        lock (_gate)
        {
            Take(_domains);
        }
    }

    /// <summary>Shows a domain the last list, and every one that comes until it is forgotten.</summary>
    public void Follow(IFollowedDomain domain)
    {
        lock (_gate)
        {
            _followed[domain.DomainId] = domain;
            domain.Update(_domains);
        }
    }

    /// <summary>Shows a domain no more lists.</summary>
    public void Forget(IFollowedDomain domain)
    {
        lock (_gate)
        {
            _followed.Remove(domain.DomainId);
        }
    }

    /// <summary>Tells every domain that is followed that the machine has ended, and waits until each has taken notice.</summary>
    public async Task AbandonAsync()
    {
        IFollowedDomain[] followed;
        lock (_gate)
        {
            followed = [.. _followed.Values];
        }

        foreach (IFollowedDomain domain in followed)
        {
            await domain.AbandonAsync();
        }
    }
}
