using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Block;

/// <summary>The front end of one disk: it connects the disk to its back end, and ends it with the device.</summary>
internal sealed class BlockFrontEnd : DeviceSession
{
    private readonly BlockDriver _driver;
    private readonly XenDevice _device;
    private readonly ushort _handle;

    /// <param name="driver">Keeps the list of disks.</param>
    /// <param name="device">The device.</param>
    /// <param name="number">Its number, which the requests and the disk's name are made of.</param>
    public BlockFrontEnd(BlockDriver driver, XenDevice device, uint number)
    {
        _driver = driver;
        _device = device;
        _handle = (ushort)number;
        Disk = new(DiskName.Of(number))
        {
            Ended = (_, error) => OnEnded(error),
            SpuriousEvent = device.ReportSpuriousEvent,
            Loop = device.Bus.Store.Loop,
        };
    }

    /// <summary>The device that it serves.</summary>
    public XenDevice Device => _device;

    /// <summary>What the program sees of the device.</summary>
    public BlockDevice Disk { get; }

    public override string Describe() =>
        Disk.Statistics.ToString() is { Length: > 0 } statistics ? $"{Disk}; {statistics}" : $"{Disk}: not connected yet";

    public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
    {
        if (!Disk.IsPresent)
        {
            return;
        }

        switch (state)
        {
            case XenBusState.InitWait or XenBusState.Initialised or XenBusState.Connected when _device.State == XenBusState.Initialising:
                await PublishAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                if (state == XenBusState.Connected)
                {
                    await ConnectAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }

                break;

            case XenBusState.Connected when _device.State == XenBusState.Initialised:
                await ConnectAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;

            case XenBusState.Connected when _device.State == XenBusState.Connected:
                // The length is all that changes while both ends are connected.
                long length = await BlockFeatures
                    .ReadLengthAsync(_device.Bus.Store, _device.OtherEndPath, Disk.SectorSize, cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
                Disk.SetLength(length);
                break;

            case XenBusState.Closing:
                if (Disk.BeginClosing())
                {
                    await _device.ReportErrorAsync(
                        $"{Disk.Name} is in use, and is given back when it is released", new XenException("unplugging", XenErrno.EBUSY))
                        .ConfigureAwait(EventLoop.IsCurrent);
                }

                break;

            case XenBusState.Closed:
                End("its back end has ended");
                await _device.SetStateAsync(XenBusState.Closed, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;
        }
    }

    public override async ValueTask<bool> SuspendAsync(CancellationToken cancellationToken)
    {
        Disk.Quiesce();
        await Disk.Ending.ConfigureAwait(EventLoop.IsCurrent);
        return true;
    }

    /// <summary>A disk that had ended before becomes a new one: the operations of the old one have failed.</summary>
    public override ValueTask<bool> ResumeAsync(CancellationToken cancellationToken) => new(Disk.Disconnect());

    public override ValueTask SuspendCancelledAsync(CancellationToken cancellationToken)
    {
        Disk.GoOn();
        return default;
    }

    public override async ValueTask ShutdownAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration leaving = cancellationToken.UnsafeRegister(
            static disk => ((BlockDevice)disk!).CancelShutDown(), Disk);
        await Disk.ShutDown().ConfigureAwait(EventLoop.IsCurrent);
    }

    public override async ValueTask<bool> DetachAsync()
    {
        End("it was taken away");
        _driver.OnDetached(this);
        await Disk.Ending.ConfigureAwait(EventLoop.IsCurrent);
        return true;
    }

    /// <summary>Ends the disk and all of its operations.</summary>
    public void End(string reason)
    {
        Disk.Close(reason);
        _driver.Withdraw(Disk);
    }

    /// <summary>Makes a connection, and publishes in xenstore where it is.</summary>
    private async ValueTask PublishAsync(CancellationToken cancellationToken)
    {
        XenStoreClient store = _device.Bus.Store;
        long mostOrder = await BlockFeatures.ReadNumberAsync(
            store, _device.OtherEndPath, "max-ring-page-order", 0, int.MaxValue, 0, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        int order = (int)Math.Min(mostOrder, int.Log2(_driver.Options.RingPages));
        BlockConnection connection = new(
            Disk, _driver.Channels, _driver.Pages, (ushort)_device.OtherEndId, 1 << order, _handle, _driver.Options);
        Disk.Open(connection);

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

        await store.TransactAsync((transaction, token) => WriteAsync(transaction, nodes, token), cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        await _device.SetStateAsync(XenBusState.Initialised, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask WriteAsync(
        XenStoreTransaction transaction, List<(string Node, string Value)> nodes, CancellationToken cancellationToken)
    {
        string home = _device.Node;

        // In the same transaction, so that a device that has left is not made again.
        if (!await transaction.ExistsAsync(home + "/state", cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
        {
            return;
        }

        if (Disk.WasConnected)
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

    private async ValueTask ConnectAsync(CancellationToken cancellationToken)
    {
        BlockFeatures features = await BlockFeatures.ReadAsync(_device.Bus.Store, _device.OtherEndPath, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        Disk.Connect(features);
        await _device.SetStateAsync(XenBusState.Connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        _driver.Offer(Disk);
    }

    private void OnEnded(Exception? error)
    {
        // The disk's gate is held here, and the store answers when it likes.
        Disk.Ending = EventLoop.Start(_device.Bus.Store.Loop, async () =>
        {
            _driver.Withdraw(Disk);
            try
            {
                if (error is not null)
                {
                    await _device.ReportFatalErrorAsync("the connection cannot go on", error).ConfigureAwait(EventLoop.IsCurrent);
                }

                await _device.SetStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException failure)
            {
                await _device.ReportErrorAsync("the state cannot be set to Closed", failure).ConfigureAwait(EventLoop.IsCurrent);
            }
        });
    }

    private static string Text(uint value) => value.ToString(CultureInfo.InvariantCulture);
}
