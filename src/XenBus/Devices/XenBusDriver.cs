namespace Xenlet.XenBus;

/// <summary>
/// A driver: rates how well it fits a device, and attaches to those that the bus gives it. One object serves all of its devices, each by
/// a <see cref="DeviceSession"/> of its own.
/// </summary>
/// <remarks>
/// The bus makes the calls for one device one after another; calls for different devices may overlap. An exception is written to the
/// device's error node, the device goes to <see cref="XenBusState.Closed"/>, and other devices are not affected. The token of a call is
/// cancelled when the device goes away. A temporary error of xenstore
/// (<see cref="Xenlet.XenStoreRing.XenStoreException.IsTemporary"/>) is no failure: the bus repeats the call after a pause, so a call must
/// tolerate that an earlier one has done a part of its work.
/// </remarks>
public abstract class XenBusDriver
{
    /// <summary>The driver's name in the device tree and in messages.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Whether no call blocks its thread: none waits other than by <see langword="await"/>, or computes for long. Then the bus makes the
    /// calls on the store's event loop (<see cref="Xenlet.XenStoreRing.XenStoreClient.Loop"/>), if there is one, and the driver works even
    /// while the program blocks every thread of the pool; a call stays on the loop by <c>ConfigureAwait(EventLoop.IsCurrent)</c>. A call
    /// that blocks there stops all devices. By default the calls are made on the thread pool, where a call that blocks stops its own
    /// device only.
    /// </summary>
    public virtual bool NeverBlocks => false;

    /// <summary>
    /// How well the driver fits, as in FreeBSD's NewBus: 0 (<see cref="ProbePriority.Specific"/>) is best and negative numbers are worse;
    /// <see langword="null"/> or a positive number (in FreeBSD an errno value) means that it does not fit. Among equals the bus takes the
    /// driver that was added first.
    /// </summary>
    public abstract int? Probe(XenDevice device);

    /// <summary>Begins to serve a device. A call that throws must have released all that it acquired.</summary>
    /// <returns>What serves the device from now on. The bus calls it, and calls it only for this device.</returns>
    public abstract ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken);
}
