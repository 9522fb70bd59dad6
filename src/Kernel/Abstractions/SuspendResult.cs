namespace Xenlet.Kernel;

/// <summary>The result of <see cref="IPower.Suspend"/>.</summary>
public enum SuspendResult
{
    /// <summary>
    /// The domain runs as a new one, maybe on another host: event channels and grants are gone, and xenstore's page and port may be others.
    /// </summary>
    Resumed,

    /// <summary>The tool stack cancelled the suspend or took a checkpoint. Nothing has changed; all connections are intact.</summary>
    Cancelled,
}
