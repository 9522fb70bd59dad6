namespace Xenlet.XenBus.Enumeration;

/// <summary>The devices that a bus knows. The list does not change while an enumeration runs.</summary>
internal interface IKnownDevices
{
    /// <summary>The device at a node, or <see langword="null"/>.</summary>
    IKnownDevice? Find(string node);

    /// <summary>All devices, in no order.</summary>
    IReadOnlyCollection<IKnownDevice> All();
}
