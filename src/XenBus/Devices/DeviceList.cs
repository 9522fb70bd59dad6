using Xenlet.XenBus.Enumeration;

namespace Xenlet.XenBus.Devices;

/// <summary>The devices of a bus by their nodes. All members may be called from any thread.</summary>
internal sealed class DeviceList : IKnownDevices
{
    private readonly Dictionary<string, XenDevice> _devices = new(StringComparer.Ordinal);

    /// <summary>The device at a node, or <see langword="null"/>.</summary>
    public XenDevice? Find(string node)
    {
        lock (_devices)
        {
            return _devices.GetValueOrDefault(node);
        }
    }

    /// <summary>All devices, in no order.</summary>
    public XenDevice[] All()
    {
        lock (_devices)
        {
            return [.. _devices.Values];
        }
    }

    /// <summary>All devices, ordered by type and id; a shorter id comes first, so that numbers are in order.</summary>
    public XenDevice[] Sorted() =>
    [
        .. All()
            .OrderBy(device => device.Type, StringComparer.Ordinal)
            .ThenBy(device => device.Id.Length)
            .ThenBy(device => device.Id, StringComparer.Ordinal),
    ];

    /// <summary>Adds a device; <see langword="false"/> when its node has one.</summary>
    public bool TryAdd(XenDevice device)
    {
        lock (_devices)
        {
            return _devices.TryAdd(device.Node, device);
        }
    }

    /// <summary>Removes the device at a node.</summary>
    public void Remove(string node)
    {
        lock (_devices)
        {
            _devices.Remove(node);
        }
    }

    IKnownDevice? IKnownDevices.Find(string node) => Find(node);

    IReadOnlyCollection<IKnownDevice> IKnownDevices.All() => All();
}
