namespace Xenlet.XenStoreRing;

/// <summary>What has become of a client's connection.</summary>
/// <param name="failure">Why it is lost, or does not come back; <see langword="null"/> when it is there again.</param>
public sealed class XenStoreConnectionEventArgs(XenStoreException? failure) : EventArgs
{
    /// <summary>Why the connection is lost, or does not come back; <see langword="null"/> when it is there again.</summary>
    public XenStoreException? Failure => failure;
}
