namespace Xenlet.Kernel;

/// <summary>
/// Has the domain's connection to xenstore while the program has not: <see cref="IXenStoreLinkFactory.TryOpen"/>. Both are called on whichever
/// thread opens or closes the connection.
/// </summary>
public interface IXenStoreStandIn
{
    /// <summary>The program opens the connection. Returns when this one has disposed of its link.</summary>
    void StandAside();

    /// <summary>The program has disposed of its link: <see cref="IXenStoreLinkFactory.TryOpen"/> may be called again. Returns at once.</summary>
    void StepIn();
}
