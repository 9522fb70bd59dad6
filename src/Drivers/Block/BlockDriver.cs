using System.Globalization;
using Xenlet.Drivers.Block;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers;

/// <summary>
/// The block front end: gives a <see cref="BlockDevice"/> for each virtual disk (<c>vbd</c>) of the domain. It is added to the front bus,
/// and follows the disks as they come, are resized, and go.
/// </summary>
/// <remarks>
/// Nodes, numbers and layouts are those of Xen's <c>io/blkif.h</c>. A back end that breaks the protocol loses its device: the error is in
/// the device's error node. Disposing, after the bus has ended, ends what is left.
/// </remarks>
public sealed class BlockDriver : XenBusDriver, IReportSource, IDisposable
{
    private readonly IEventChannels _channels;
    private readonly ISharedPages _pages;
    private readonly BlockOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<XenDevice, BlockDevice> _attached = [];
    private IReadOnlyList<BlockDevice> _devices = [];
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes a driver for the disks of one domain.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public BlockDriver(IEventChannels channels, ISharedPages pages, BlockOptions? options = null)
    {
        _channels = channels;
        _pages = pages;
        _options = options ?? new BlockOptions();
        _options.Check();
    }

    /// <inheritdoc/>
    public override string Name => "block";

    /// <inheritdoc/>
    public override bool NeverBlocks => true;

    /// <summary>The disks that have been connected and are there, in the order in which they came.</summary>
    public IReadOnlyList<BlockDevice> Devices => Volatile.Read(ref _devices);

    /// <summary>The disk of a name, such as <c>xvda</c>, as soon as it is connected.</summary>
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

    /// <inheritdoc/>
    public override int? Probe(XenDevice device) => device.Type == "vbd" && TryNumber(device, out _) ? ProbePriority.Default : null;

    /// <inheritdoc/>
    public override string? Describe(XenDevice device) => device.DriverData is BlockDevice block ? Describe(block) : null;

    /// <inheritdoc/>
    public override ValueTask AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        _ = TryNumber(device, out uint number);
        BlockDevice block = new(DiskName.Of(number))
        {
            Ended = (ended, error) => OnEnded(device, ended, error),
            SpuriousEvent = device.ReportSpuriousEvent,
            Loop = device.Bus.Store.Loop,
        };
        device.DriverData = block;
        lock (_gate)
        {
            _attached[device] = block;
        }

        return default;
    }

    /// <inheritdoc/>
    public override async ValueTask OtherEndChangedAsync(XenDevice device, XenBusState state, CancellationToken cancellationToken)
    {
        if (device.DriverData is not BlockDevice { IsPresent: true } block)
        {
            return;
        }

        switch (state)
        {
            case XenBusState.InitWait or XenBusState.Initialised or XenBusState.Connected when device.State == XenBusState.Initialising:
                await PublishAsync(device, block, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                if (state == XenBusState.Connected)
                {
                    await ConnectAsync(device, block, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }

                break;

            case XenBusState.Connected when device.State == XenBusState.Initialised:
                await ConnectAsync(device, block, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;

            case XenBusState.Connected when device.State == XenBusState.Connected:
                // The only thing that changes while both are connected.
                long length = await BlockFeatures
                    .ReadLengthAsync(device.Bus.Store, device.OtherEndPath, block.SectorSize, cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
                block.SetLength(length);
                break;

            case XenBusState.Closing:
                if (block.BeginClosing())
                {
                    await device.ReportErrorAsync(
                        $"{block.Name} is in use, and is given back when it is released", new XenException("unplugging", XenErrno.EBUSY))
                        .ConfigureAwait(EventLoop.IsCurrent);
                }

                break;

            case XenBusState.Closed:
                End(block, "its back end has ended");
                await device.SetStateAsync(XenBusState.Closed, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> DetachAsync(XenDevice device)
    {
        if (device.DriverData is BlockDevice block)
        {
            End(block, "it was taken away");
            device.DriverData = null;
            lock (_gate)
            {
                _attached.Remove(device);
            }

            await block.Ending.ConfigureAwait(EventLoop.IsCurrent);
        }

        return true;
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> SuspendAsync(XenDevice device, CancellationToken cancellationToken)
    {
        if (device.DriverData is BlockDevice block)
        {
            block.Quiesce();
            await block.Ending.ConfigureAwait(EventLoop.IsCurrent);
        }

        return true;
    }

    /// <inheritdoc/>
    public override async ValueTask ResumeAsync(XenDevice device, CancellationToken cancellationToken)
    {
        // A disk that had ended before is a new one now; its users have been told.
        if (device.DriverData is not BlockDevice block || !block.Disconnect())
        {
            await DetachAsync(device).ConfigureAwait(EventLoop.IsCurrent);
            await AttachAsync(device, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    public override ValueTask SuspendCancelledAsync(XenDevice device, CancellationToken cancellationToken)
    {
        (device.DriverData as BlockDevice)?.GoOn();
        return default;
    }

    /// <inheritdoc/>
    public override async ValueTask ShutdownAsync(XenDevice device, CancellationToken cancellationToken)
    {
        if (device.DriverData is BlockDevice block)
        {
            using CancellationTokenRegistration leaving = cancellationToken.UnsafeRegister(
                static left => ((BlockDevice)left!).CancelShutDown(), block);
            await block.ShutDown().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    public string ReportName => "disks";

    /// <inheritdoc/>
    public void WriteReport(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        BlockDevice[] all;
        lock (_gate)
        {
            all = [.. _attached.Values];
        }

        foreach (BlockDevice block in all)
        {
            writer.WriteLine(Describe(block));
        }
    }

    /// <summary>Ends all disks. The bus has ended before.</summary>
    public void Dispose()
    {
        BlockDevice[] left;
        lock (_gate)
        {
            left = [.. _attached.Values];
            _attached.Clear();
        }

        foreach (BlockDevice block in left)
        {
            End(block, "the driver has ended");
        }
    }

    private static string Describe(BlockDevice block) =>
        block.Statistics.ToString() is { Length: > 0 } statistics ? $"{block}; {statistics}" : $"{block}: not connected yet";

    private static bool TryNumber(XenDevice device, out uint number) =>
        uint.TryParse(device.Id, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    /// <summary>Sets a connection up and says in the store where it is.</summary>
    private async ValueTask PublishAsync(XenDevice device, BlockDevice block, CancellationToken cancellationToken)
    {
        _ = TryNumber(device, out uint number);
        XenStoreClient store = device.Bus.Store;
        long mostOrder = await BlockFeatures.ReadNumberAsync(
            store, device.OtherEndPath, "max-ring-page-order", 0, int.MaxValue, 0, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        int order = (int)Math.Min(mostOrder, int.Log2(_options.RingPages));
        BlockConnection connection = new(block, _channels, _pages, (ushort)device.OtherEndId, 1 << order, (ushort)number, _options);
        block.Open(connection);

        List<(string Node, string Value)> nodes =
        [
            ("event-channel", Text(connection.Port)),
            ("protocol", "x86_64-abi"),
            ("feature-persistent", "1"),
        ];
        if (order == 0)
        {
            nodes.Add(("ring-ref", Text(connection.RingReferences[0])));
        }
        else
        {
            nodes.Add(("ring-page-order", Text((uint)order)));
            nodes.AddRange(connection.RingReferences.Select((reference, i) => ($"ring-ref{i}", Text(reference))));
        }

        await store.TransactAsync(
            (transaction, token) => WriteAsync(transaction, device.Node, nodes, block.WasConnected, token), cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
        await device.SetStateAsync(XenBusState.Initialised, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    private static async ValueTask WriteAsync(
        XenStoreTransaction transaction, string home, List<(string Node, string Value)> nodes, bool isAgain,
        CancellationToken cancellationToken)
    {
        // In the same transaction, so that a device that has left is not made again.
        if (!await transaction.ExistsAsync(home + "/state", cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
        {
            return;
        }

        if (isAgain)
        {
            // The back end of before may have taken a larger ring, and this one would believe what was written for that.
            foreach (string node in (string[])["ring-ref", "ring-page-order"])
            {
                await transaction.TryRemoveAsync($"{home}/{node}", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }

        await Task.WhenAll(nodes.Select(node => transaction.WriteAsync($"{home}/{node.Node}", node.Value, cancellationToken).AsTask()))
            .ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask ConnectAsync(XenDevice device, BlockDevice block, CancellationToken cancellationToken)
    {
        BlockFeatures features = await BlockFeatures.ReadAsync(device.Bus.Store, device.OtherEndPath, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        block.Connect(features);
        await device.SetStateAsync(XenBusState.Connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        Change(devices => devices.Contains(block) || !block.IsPresent ? devices : [.. devices, block]);
    }

    private void End(BlockDevice block, string reason)
    {
        block.Close(reason);
        Forget(block);
    }

    private void OnEnded(XenDevice device, BlockDevice block, Exception? error)
    {
        // The gate of the disk is held here, and the store answers when it likes.
        block.Ending = EventLoop.Start(device.Bus.Store.Loop, async () =>
        {
            Forget(block);
            try
            {
                if (error is not null)
                {
                    await device.ReportFatalErrorAsync("the connection cannot go on", error).ConfigureAwait(EventLoop.IsCurrent);
                }

                await device.SetStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException failure)
            {
                await device.ReportErrorAsync("the state cannot be set to Closed", failure).ConfigureAwait(EventLoop.IsCurrent);
            }
        });
    }

    private void Forget(BlockDevice block) =>
        Change(devices => devices.Contains(block) ? [.. devices.Where(device => device != block)] : devices);

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

    private static string Text(uint value) => value.ToString(CultureInfo.InvariantCulture);
}
