namespace Xenlet.QemuXen.Machine;

/// <summary>A domain that somebody follows, as seen by its machine.</summary>
internal interface IFollowedDomain
{
    /// <summary>The domain id.</summary>
    int DomainId { get; }

    /// <summary>Handles a list of the machine's domains. One call at a time, under a lock: it must not wait.</summary>
    void Update(IReadOnlyList<DomainState> domains);

    /// <summary>The machine has ended, and no more lists arrive. Completes when nothing of the domain is in progress.</summary>
    Task AbandonAsync();
}
