namespace Xenlet.Drivers;

/// <summary>The state of an interface has changed, or it has a new connection.</summary>
/// <param name="state">The present state.</param>
public sealed class NetworkStateEventArgs(NetworkState state) : EventArgs
{
    /// <summary>The present state.</summary>
    public NetworkState State => state;
}
