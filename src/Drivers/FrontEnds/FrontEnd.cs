using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers;

/// <summary>
/// The front end of one device: the part that all kinds of devices have in common. A derived class implements the states of the device's
/// protocol, by the methods of <see cref="DeviceSession"/>.
/// </summary>
/// <typeparam name="TDevice">What the program sees of a device.</typeparam>
public abstract class FrontEnd<TDevice> : DeviceSession
    where TDevice : class
{
    private readonly FrontEndDriver<TDevice> _driver;

    /// <summary>Creates the front end of a device, for <see cref="FrontEndDriver{TDevice}.CreateAsync"/>.</summary>
    /// <param name="driver">The driver, whose list the device joins.</param>
    /// <param name="xenDevice">The device.</param>
    protected FrontEnd(FrontEndDriver<TDevice> driver, XenDevice xenDevice)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(xenDevice);
        _driver = driver;
        XenDevice = xenDevice;
    }

    /// <summary>The device on the bus.</summary>
    public XenDevice XenDevice { get; }

    /// <summary>What the program sees of the device.</summary>
    public abstract TDevice Device { get; }

    /// <summary>The name by which the program waits for the device (<see cref="FrontEndDriver{TDevice}.WaitForAsync"/>).</summary>
    public abstract string Name { get; }

    /// <summary>Whether the program can use the device now; a wait for it ends when the device is offered and this is true.</summary>
    public virtual bool IsReady => true;

    /// <summary>Whether the device has not ended. A device that has ended is no longer offered.</summary>
    public virtual bool IsPresent => true;

    /// <summary>The store that holds both ends.</summary>
    protected XenStoreClient Store => XenDevice.Bus.Store;

    /// <inheritdoc/>
    public abstract override string Describe();

    /// <summary>The device's line in the report of <c>xl sysrq</c>; its line in the device tree, unless overridden.</summary>
    public virtual string DescribeForReport() => Describe();

    /// <summary>Ends the device, and removes it from the driver's list.</summary>
    public sealed override async ValueTask<bool> DetachAsync()
    {
        await EndAsync("it was taken away").ConfigureAwait(EventLoop.IsCurrent);
        _driver.Remove(this);
        return true;
    }

    /// <summary>
    /// Completes an attach. The driver already has the front end in its list, so the device tree and reports show it. If it throws, the
    /// front end is ended. The default does nothing.
    /// </summary>
    protected internal virtual ValueTask StartAsync(CancellationToken cancellationToken) => default;

    /// <summary>
    /// Ends what the program sees of the device, withdraws it, and releases rings, pages and event channels. It may be called more than
    /// once, and does not touch the device's state: the bus, or the method that calls this, sets it.
    /// </summary>
    /// <param name="reason">Why, for the errors of operations that end by it.</param>
    protected internal abstract ValueTask EndAsync(string reason);

    /// <summary>Adds the device to <see cref="FrontEndDriver{TDevice}.Offered"/>, where the program finds it.</summary>
    protected void Offer() => _driver.Offer(this);

    /// <summary>Removes the device from <see cref="FrontEndDriver{TDevice}.Offered"/>.</summary>
    protected void Withdraw() => _driver.Withdraw(this);

    /// <summary>Makes all waits for a device check <see cref="IsReady"/> again.</summary>
    protected void OnReadyChanged() => _driver.Wake();

    /// <summary>
    /// Writes nodes into the device's directory, in one transaction, so that the other end sees all of them or none. If the device was
    /// removed from the store, this writes nothing: a write would create its directory again.
    /// </summary>
    /// <param name="nodes">The nodes for the other end.</param>
    /// <param name="stale">Nodes of an earlier connection to remove, since this one has no value for them.</param>
    /// <param name="cancellationToken">Cancels the wait; then it is not known whether the nodes were written.</param>
    /// <returns>Whether the device is still in the store.</returns>
    /// <exception cref="XenStoreException">The nodes could not be written.</exception>
    protected ValueTask<bool> PublishAsync(
        IReadOnlyList<FrontEndNode> nodes, IReadOnlyList<string> stale, CancellationToken cancellationToken)
    {
        string home = XenDevice.Node;
        return Store.TransactAsync(
            async (transaction, token) =>
            {
                if (!await transaction.ExistsAsync(home + "/state", token).ConfigureAwait(EventLoop.IsCurrent))
                {
                    return false;
                }

                foreach (string name in stale)
                {
                    await transaction.TryRemoveAsync($"{home}/{name}", token).ConfigureAwait(EventLoop.IsCurrent);
                }

                await Task.WhenAll(nodes.Select(node => transaction.WriteAsync($"{home}/{node.Name}", node.Value, token).AsTask()))
                    .ConfigureAwait(EventLoop.IsCurrent);
                return true;
            },
            cancellationToken);
    }
}
