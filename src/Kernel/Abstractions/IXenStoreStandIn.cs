namespace Xenlet.Kernel;

/// <summary>
/// Has the domain's link to xenstore while the program has not: <see cref="IXenStoreLinkFactory.TryOpen"/>. Both members are called on
/// whichever thread opens or closes the link.
/// </summary>
public interface IXenStoreStandIn
{
    /// <summary>The program opens the link. Returns when this one has disposed its own.</summary>
    void StandAside();

    /// <summary>
    /// The program has disposed its link: <see cref="IXenStoreLinkFactory.TryOpen"/> may be called again. Returns at once.
    /// </summary>
    void StepIn();
}
