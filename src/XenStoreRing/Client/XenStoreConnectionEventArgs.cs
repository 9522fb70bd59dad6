namespace Xenlet.XenStoreRing;

/// <summary>A change of a client's connection.</summary>
/// <param name="failure">Why the connection is lost or cannot be restored; <see langword="null"/> when it is restored.</param>
public sealed class XenStoreConnectionEventArgs(XenStoreException? failure) : EventArgs
{
    /// <summary>Why the connection is lost or cannot be restored; <see langword="null"/> when it is restored.</summary>
    public XenStoreException? Failure => failure;
}
