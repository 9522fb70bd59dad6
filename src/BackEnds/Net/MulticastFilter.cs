using Xenlet.Net;

namespace Xenlet.BackEnds.Net;

/// <summary>The multicast addresses whose frames a front end wants. Thread-safe.</summary>
/// <param name="isOn">Whether it wants those alone.</param>
internal sealed class MulticastFilter(bool isOn)
{
    /// <summary>XEN_NETBK_MCAST_MAX of Linux's netback.</summary>
    public const int MaximumAddresses = 64;

    private readonly Lock _lock = new();
    private readonly HashSet<MacAddress> _addresses = [];

    /// <summary>Adds an address.</summary>
    /// <returns>False if it is no multicast address or there are too many.</returns>
    public bool TryAdd(MacAddress address)
    {
        lock (_lock)
        {
            return address.IsMulticast
                && (_addresses.Contains(address) || (_addresses.Count < MaximumAddresses && _addresses.Add(address)));
        }
    }

    /// <summary>Removes an address, if it is there.</summary>
    public void Remove(MacAddress address)
    {
        lock (_lock)
        {
            _addresses.Remove(address);
        }
    }

    /// <summary>Whether the front end wants a frame to this address.</summary>
    public bool Passes(MacAddress destination)
    {
        if (!isOn || !destination.IsMulticast || destination == MacAddress.Broadcast)
        {
            return true;
        }

        lock (_lock)
        {
            return _addresses.Contains(destination);
        }
    }
}
