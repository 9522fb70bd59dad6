using Xenlet.Kernel;

namespace Xenlet.XenBus;

/// <summary>
/// A driver: says which devices it fits and how well, and serves each that it was given. One object serves all its devices; what it knows
/// of one of them it keeps in <see cref="XenDevice.DriverData"/>.
/// </summary>
/// <remarks>
/// Calls for one device come one after another; calls for different devices may overlap. Whatever a call throws is written to the
/// device's error node, the device goes to <see cref="XenBusState.Closed"/>, and no other device is touched. The token given is cancelled
/// when the device goes away. A temporary error of xenstore (<see cref="Xenlet.XenStoreRing.XenStoreException.IsTemporary"/>) is no
/// failure: the call is made again after a pause, so it must not matter that a part of it has been done.
/// </remarks>
public abstract class XenBusDriver
{
    /// <summary>The driver's name in the device tree and in messages.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Whether no call blocks its thread: none waits otherwise than by <see langword="await"/>, or computes for long. Then calls are made
    /// on the store's event loop (<see cref="Xenlet.XenStoreRing.XenStoreClient.Loop"/>), if it has one, and the driver works though the
    /// program blocks every thread of the pool; a call goes on there by <c>ConfigureAwait(EventLoop.IsCurrent)</c>. One that blocks all
    /// the same holds up all devices. By default the pool makes the calls, and a driver that blocks holds up its own device only.
    /// </summary>
    public virtual bool NeverBlocks => false;

    /// <summary>
    /// How well the driver fits, as in FreeBSD's NewBus: 0 (<see cref="ProbePriority.Specific"/>) is best, negative numbers are worse, and
    /// <see langword="null"/> or a positive number (there an errno value) is no fit. Of equal ones the driver added first is taken.
    /// </summary>
    public abstract int? Probe(XenDevice device);

    /// <summary>
    /// What there is to say of a device in the <see cref="DeviceTree"/>, such as its counters, in one line; <see langword="null"/> for
    /// nothing. It may be asked at any time, by any thread, and must not wait.
    /// </summary>
    public virtual string? Describe(XenDevice device) => null;

    /// <summary>
    /// Takes a device on; when it throws, the driver has kept nothing. After it, <see cref="OtherEndChangedAsync"/> and
    /// <see cref="LocalEndChangedAsync"/> are each called at least once.
    /// </summary>
    public abstract ValueTask AttachAsync(XenDevice device, CancellationToken cancellationToken);

    /// <summary>
    /// Lets a device go that has left the store, or that the tool stack has set up anew. <see langword="false"/> refuses, since the
    /// device is busy: the driver keeps it, and is asked again after <see cref="XenBusOptions.DetachRetryInterval"/>.
    /// </summary>
    public abstract ValueTask<bool> DetachAsync(XenDevice device);

    /// <summary>
    /// The other end's state may have changed; <paramref name="state"/> is what it is now. Several changes may be told at once, and the
    /// same state more than once. A state that cannot be read is <see cref="XenBusState.Closed"/>.
    /// </summary>
    public virtual ValueTask OtherEndChangedAsync(XenDevice device, XenBusState state, CancellationToken cancellationToken) => default;

    /// <summary>
    /// Something at or below the device's own node may have changed, by whomever. <paramref name="path"/> is what follows
    /// <see cref="XenDevice.Node"/>: empty for the node itself, or such as <c>/state</c>. Empty means too that anything may have changed.
    /// </summary>
    public virtual ValueTask LocalEndChangedAsync(XenDevice device, string path, CancellationToken cancellationToken) => default;

    /// <summary>
    /// The domain is about to be suspended: on return, nothing of the driver may be under way for this device. The store still answers.
    /// <see langword="false"/> refuses; then the domain goes on, and drivers that have agreed are told by
    /// <see cref="SuspendCancelledAsync"/>. Otherwise one of <see cref="ResumeAsync"/>, <see cref="SuspendCancelledAsync"/> and
    /// <see cref="DetachAsync"/> is the next call.
    /// </summary>
    public virtual ValueTask<bool> SuspendAsync(XenDevice device, CancellationToken cancellationToken) => new(true);

    /// <summary>
    /// The domain runs again, maybe on another host. The connection is to be made anew: event channels are gone, this end's state is
    /// Initialising, and the other end may be another, at another path. After it, both ends are told of as after
    /// <see cref="AttachAsync"/>. A driver that does not say how lets the device go and takes it on again. A driver that did not return
    /// from another call in time is told of the resume without having been told of the suspend.
    /// </summary>
    public virtual async ValueTask ResumeAsync(XenDevice device, CancellationToken cancellationToken)
    {
        if (!await DetachAsync(device).ConfigureAwait(EventLoop.IsCurrent))
        {
            throw new InvalidOperationException("it is busy, and cannot be taken on anew");
        }

        await AttachAsync(device, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>The domain goes on as if nothing had happened: connections are as they were.</summary>
    public virtual ValueTask SuspendCancelledAsync(XenDevice device, CancellationToken cancellationToken) => default;

    /// <summary>
    /// The domain ends, and the bus closes the device when this returns, whether it is in use or not. Nothing new is begun for it; what is
    /// under way ends here, in the time that all devices have together (<see cref="XenBusOptions.ShutdownTimeLimit"/>). No other call
    /// follows but <see cref="DetachAsync"/>, should the device leave. Whoever uses the device is better made to wait than told: the
    /// program is over, and threads that it has left behind should not fail now.
    /// </summary>
    public virtual ValueTask ShutdownAsync(XenDevice device, CancellationToken cancellationToken) => default;
}
