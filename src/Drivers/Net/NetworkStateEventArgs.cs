namespace Xenlet.Drivers;

/// <summary>An interface stands in another way, or is connected anew.</summary>
/// <param name="state">How it stands now.</param>
public sealed class NetworkStateEventArgs(NetworkState state) : EventArgs
{
    /// <summary>How it stands now.</summary>
    public NetworkState State => state;
}
