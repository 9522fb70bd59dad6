using System.Globalization;
using Xenlet.Drivers.Block;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.Drivers;

/// <summary>
/// The block front end: gives a <see cref="BlockDevice"/> for each virtual disk (<c>vbd</c>) of the domain. The front bus takes it by
/// <see cref="DeviceBus.AddDriver"/>; then it follows the disks as they come, change their size, and go.
/// </summary>
/// <remarks>
/// Nodes, numbers and layouts are those of Xen's <c>io/blkif.h</c>. A disk whose back end breaks the protocol is closed, and the device's
/// error node says why. The driver is disposed of after the bus, and ends the disks that are left.
/// </remarks>
public sealed class BlockDriver : XenBusDriver, IReportSource, IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<BlockFrontEnd> _frontEnds = [];
    private IReadOnlyList<BlockDevice> _devices = [];
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes a driver for the disks of one domain.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public BlockDriver(IEventChannels channels, ISharedPages pages, BlockOptions? options = null)
    {
        Channels = channels;
        Pages = pages;
        Options = options ?? new BlockOptions();
        Options.Check();
    }

    /// <inheritdoc/>
    public override string Name => "block";

    /// <inheritdoc/>
    public override bool NeverBlocks => true;

    /// <inheritdoc/>
    public string ReportName => "disks";

    /// <summary>The disks that are connected, or wait for their back ends after a resume, in the order of their first connection.</summary>
    public IReadOnlyList<BlockDevice> Devices => Volatile.Read(ref _devices);

    internal IEventChannels Channels { get; }

    internal ISharedPages Pages { get; }

    internal BlockOptions Options { get; }

    /// <summary>Waits until the disk of a name, such as <c>xvda</c>, is connected.</summary>
    public async ValueTask<BlockDevice> WaitForAsync(string name, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task change;
            lock (_gate)
            {
                change = _change.Task;
            }

            if (Devices.FirstOrDefault(device => device.Name == name) is { } found)
            {
                return found;
            }

            await EventLoop.OnLoop(change).WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// The disk of a device of the front bus, connected or not; <see langword="null"/> where this driver does not serve it.
    /// </summary>
    public BlockDevice? Find(XenDevice device)
    {
        lock (_gate)
        {
            return _frontEnds.Find(frontEnd => frontEnd.Device == device)?.Disk;
        }
    }

    /// <inheritdoc/>
    public override int? Probe(XenDevice device) => device.Type == "vbd" && TryNumber(device, out _) ? ProbePriority.Default : null;

    /// <inheritdoc/>
    public override ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        _ = TryNumber(device, out uint number);
        BlockFrontEnd frontEnd = new(this, device, number);
        lock (_gate)
        {
            _frontEnds.Add(frontEnd);
        }

        return new(frontEnd);
    }

    /// <inheritdoc/>
    public void WriteReport(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        BlockFrontEnd[] all;
        lock (_gate)
        {
            all = [.. _frontEnds];
        }

        foreach (BlockFrontEnd frontEnd in all)
        {
            writer.WriteLine(frontEnd.Describe());
        }
    }

    /// <summary>Ends all disks. The bus is disposed of before.</summary>
    public void Dispose()
    {
        BlockFrontEnd[] left;
        lock (_gate)
        {
            left = [.. _frontEnds];
            _frontEnds.Clear();
        }

        foreach (BlockFrontEnd frontEnd in left)
        {
            frontEnd.End("the driver has ended");
        }
    }

    /// <summary>Lets the program have a disk, unless it has ended meanwhile.</summary>
    internal void Offer(BlockDevice disk) =>
        Change(devices => devices.Contains(disk) || !disk.IsPresent ? devices : [.. devices, disk]);

    /// <summary>A disk has ended.</summary>
    internal void Withdraw(BlockDevice disk) =>
        Change(devices => devices.Contains(disk) ? [.. devices.Where(device => device != disk)] : devices);

    internal void OnDetached(BlockFrontEnd frontEnd)
    {
        lock (_gate)
        {
            _frontEnds.Remove(frontEnd);
        }
    }

    private static bool TryNumber(XenDevice device, out uint number) =>
        uint.TryParse(device.Id, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private void Change(Func<IReadOnlyList<BlockDevice>, IReadOnlyList<BlockDevice>> change)
    {
        TaskCompletionSource before;
        lock (_gate)
        {
            IReadOnlyList<BlockDevice> changed = change(_devices);
            if (changed == _devices)
            {
                return;
            }

            Volatile.Write(ref _devices, changed);
            before = _change;
            _change = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        before.SetResult();
    }
}
