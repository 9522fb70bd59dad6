using System.Globalization;
using Xenlet.Drivers.Block;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.Drivers;

/// <summary>
/// The block front end: it makes a <see cref="BlockDevice"/> for each virtual disk (<c>vbd</c>) of the domain, and follows disks that are
/// plugged, resized and unplugged.
/// </summary>
/// <remarks>
/// Nodes, numbers and layouts are those of Xen's <c>io/blkif.h</c>. A disk whose back end breaks the protocol is closed, and the device's
/// error node says why. Dispose of the driver after the bus; it ends the remaining disks.
/// </remarks>
public sealed class BlockDriver : FrontEndDriver<BlockDevice>, IDisposable
{
    /// <summary>Creates a driver for the disks of one domain.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public BlockDriver(IEventChannels channels, ISharedPages pages, BlockOptions? options = null)
        : base("vbd", channels, pages)
    {
        Options = options ?? new BlockOptions();
        Options.Check();
    }

    /// <inheritdoc/>
    public override string Name => "block";

    /// <inheritdoc/>
    public override string ReportName => "disks";

    /// <summary>The disks that are connected, or reconnect after a resume, in the order of their first connection.</summary>
    public IReadOnlyList<BlockDevice> Devices => Offered;

    internal BlockOptions Options { get; }

    /// <inheritdoc/>
    public override int? Probe(XenDevice device) => TryNumber(device, out _) ? base.Probe(device) : null;

    /// <summary>Ends all disks, as <see cref="FrontEndDriver{TDevice}.DisposeAsync"/> does, without waiting for the store.</summary>
    public void Dispose() => _ = DisposeAsync().AsTask();

    /// <inheritdoc/>
    protected override ValueTask<FrontEnd<BlockDevice>> CreateAsync(XenDevice device, CancellationToken cancellationToken)
    {
        _ = TryNumber(device, out uint number);
        return new(new BlockFrontEnd(this, device, number));
    }

    private static bool TryNumber(XenDevice device, out uint number)
    {
        ArgumentNullException.ThrowIfNull(device);
        return uint.TryParse(device.Id, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
