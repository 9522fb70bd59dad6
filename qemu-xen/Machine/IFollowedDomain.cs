namespace Xenlet.QemuXen.Machine;

/// <summary>A domain that somebody follows, as seen by its machine.</summary>
internal interface IFollowedDomain
{
    /// <summary>The domain id.</summary>
    int DomainId { get; }

    /// <summary>Whether lists have nothing more to say about it.</summary>
    bool IsOver { get; }

    /// <summary>Handles a list of the machine's domains. One call at a time, under a lock: it must not wait.</summary>
    /// <param name="domains">The list.</param>
    /// <param name="mayBeOlder">Whether it may have been made before this domain.</param>
    void Update(IReadOnlyList<DomainState> domains, bool mayBeOlder);

    /// <summary>The machine has ended, and no more lists arrive. Completes when nothing of the domain is in progress.</summary>
    Task AbandonAsync();
}
