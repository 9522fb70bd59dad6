namespace Xenlet.Kernel;

/// <summary>How the domain came back from <see cref="IPower.Suspend"/>.</summary>
public enum SuspendResult
{
    /// <summary>
    /// In a new domain, maybe on another host: event channels and grants are gone, xenstore's page and port may be others.
    /// </summary>
    Resumed,

    /// <summary>
    /// As if nothing had happened: the tool stack gave the suspend up, or took a checkpoint. All connections are as they were.
    /// </summary>
    Cancelled,
}
