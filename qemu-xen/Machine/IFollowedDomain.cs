namespace Xenlet.QemuXen.Machine;

/// <summary>A domain that somebody follows, as its machine knows it.</summary>
internal interface IFollowedDomain
{
    /// <summary>Xen's number of the domain.</summary>
    int DomainId { get; }

    /// <summary>Takes notice of a list of the machine's domains. One call at a time, under a lock: it must not wait.</summary>
    void Update(IReadOnlyList<DomainState> domains);

    /// <summary>The machine has ended: no list comes any more. Completes when nothing of the domain is under way.</summary>
    Task AbandonAsync();
}
