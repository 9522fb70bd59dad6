namespace Xenlet.XenBus;

/// <summary>
/// A driver's service of one device, and all that the driver knows of it. <see cref="XenBusDriver.AttachAsync"/> begins it;
/// <see cref="DetachAsync"/> ends it.
/// </summary>
/// <remarks>
/// The bus makes one call at a time, and calls <see cref="OtherEndChangedAsync"/> and <see cref="LocalEndChangedAsync"/> at least once
/// each after an attach. What holds for errors and for the tokens is said at <see cref="XenBusDriver"/>.
/// </remarks>
public abstract class DeviceSession
{
    /// <summary>
    /// Whether a closed back end is ready for a front end that starts again: the bus then makes its state InitWait. One that has nothing to
    /// serve says no, and stays closed.
    /// </summary>
    public virtual bool CanServeAgain => true;

    /// <summary>
    /// A line about the device for the <see cref="DeviceTree"/>, such as its counters; <see langword="null"/> for none. Any thread may
    /// call it at any time, and it must not wait.
    /// </summary>
    public virtual string? Describe() => null;

    /// <summary>
    /// The other end's state may have changed; <paramref name="state"/> is the present one. One call may stand for several changes, and
    /// the same state may come more than once. A state that does not exist or may not be read is <see cref="XenBusState.Closed"/>.
    /// </summary>
    public virtual ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken) => default;

    /// <summary>
    /// Somebody may have changed a node at or below the device's own. <paramref name="path"/> is what follows
    /// <see cref="XenDevice.Node"/>, such as <c>/state</c>. An empty path means the node itself, or that any of them may have changed.
    /// </summary>
    public virtual ValueTask LocalEndChangedAsync(string path, CancellationToken cancellationToken) => default;

    /// <summary>
    /// The domain is about to be suspended. When this returns, the driver does nothing for the device any more. Xenstore still answers.
    /// <see langword="false"/> refuses: the domain runs on, and <see cref="SuspendCancelledAsync"/> is called for the devices whose
    /// drivers agreed. Otherwise <see cref="ResumeAsync"/>, <see cref="SuspendCancelledAsync"/> or <see cref="DetachAsync"/> is the next
    /// call.
    /// </summary>
    public virtual ValueTask<bool> SuspendAsync(CancellationToken cancellationToken) => new(true);

    /// <summary>
    /// The domain runs again, maybe on another host. Event channels and grants have gone, this end's state is Initialising, and the other
    /// end may be another one at another path: the driver makes the connection anew. The bus calls <see cref="OtherEndChangedAsync"/> and
    /// <see cref="LocalEndChangedAsync"/> afterwards, as after an attach. <see langword="false"/>, the default, ends this session: the
    /// bus detaches it and attaches the device anew. Where the driver did not return from another call in time, this comes without a
    /// <see cref="SuspendAsync"/> before it.
    /// </summary>
    public virtual ValueTask<bool> ResumeAsync(CancellationToken cancellationToken) => new(false);

    /// <summary>The suspend did not happen. Connections are as they were.</summary>
    public virtual ValueTask SuspendCancelledAsync(CancellationToken cancellationToken) => default;

    /// <summary>
    /// The domain ends. When this returns, the bus closes the device, whether or not the program uses it. The driver begins nothing new,
    /// and lets the requests in flight end; all devices together have <see cref="XenBusOptions.ShutdownTimeLimit"/>. Only
    /// <see cref="DetachAsync"/> may follow, if the device leaves. An operation of the program's should rather wait than fail: the
    /// program has returned from Main, and its remaining threads have no use for errors.
    /// </summary>
    public virtual ValueTask ShutdownAsync(CancellationToken cancellationToken) => default;

    /// <summary>
    /// Gives up the device: it has left the store, the tool stack has set it up anew, or the driver has failed.
    /// <see langword="false"/> means that it is busy: the driver keeps it, and the bus calls again after
    /// <see cref="XenBusOptions.DetachRetryInterval"/>.
    /// </summary>
    public abstract ValueTask<bool> DetachAsync();
}
