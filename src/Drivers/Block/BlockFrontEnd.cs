using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Block;

/// <summary>The front end of one disk: it connects the disk to its back end, and ends it with the device.</summary>
internal sealed class BlockFrontEnd : FrontEnd<BlockDevice>
{
    private readonly BlockDriver _driver;
    private readonly ushort _handle;

    /// <param name="driver">The driver.</param>
    /// <param name="device">The device.</param>
    /// <param name="number">Its number, which requests contain and from which the disk's name follows.</param>
    public BlockFrontEnd(BlockDriver driver, XenDevice device, uint number)
        : base(driver, device)
    {
        _driver = driver;
        _handle = (ushort)number;
        Device = new(DiskName.Of(number))
        {
            Ended = (_, error) => OnEnded(error),
            SpuriousEvent = device.ReportSpuriousEvent,
            Loop = device.Bus.Store.Loop,
        };
    }

    public override BlockDevice Device { get; }

    public override string Name => Device.Name;

    /// <summary>Whoever waits for a disk whose operations are refused would get the same disk again and again until it has left.</summary>
    public override bool IsReady => Device.IsOpen;

    public override bool IsPresent => Device.IsPresent;

    public override string Describe() =>
        Device.Statistics.ToString() is { Length: > 0 } statistics ? $"{Device}; {statistics}" : $"{Device}: not connected yet";

    public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
    {
        if (!Device.IsPresent)
        {
            return;
        }

        switch (state)
        {
            case XenBusState.InitWait or XenBusState.Initialised or XenBusState.Connected when XenDevice.State == XenBusState.Initialising:
                await PublishAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                if (state == XenBusState.Connected)
                {
                    await ConnectAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }

                break;

            case XenBusState.Connected when XenDevice.State == XenBusState.Initialised:
                await ConnectAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;

            case XenBusState.Connected when XenDevice.State == XenBusState.Connected:
                // Only the length can change while both ends are connected.
                long length = await BlockFeatures
                    .ReadLengthAsync(Store, XenDevice.OtherEndPath, Device.SectorSize, cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
                Device.SetLength(length);
                break;

            case XenBusState.Closing:
                if (Device.BeginClosing())
                {
                    await XenDevice.ReportErrorAsync(
                        $"{Device.Name} is in use, and is given back when it is released", new XenException("unplugging", XenErrno.EBUSY))
                        .ConfigureAwait(EventLoop.IsCurrent);
                }

                break;

            case XenBusState.Closed:
                End("its back end has ended");
                await XenDevice.SetStateAsync(XenBusState.Closed, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;
        }
    }

    public override async ValueTask<bool> SuspendAsync(CancellationToken cancellationToken)
    {
        Device.Quiesce();
        await Device.Ending.ConfigureAwait(EventLoop.IsCurrent);
        return true;
    }

    /// <summary>A disk that has already ended becomes a new one: the operations of the old one have failed.</summary>
    public override ValueTask<bool> ResumeAsync(CancellationToken cancellationToken)
    {
        bool isPresent = Device.Disconnect();

        // An unplugging that had begun is forgotten.
        OnReadyChanged();
        return new(isPresent);
    }

    public override ValueTask SuspendCancelledAsync(CancellationToken cancellationToken)
    {
        Device.Unquiesce();
        return default;
    }

    public override async ValueTask ShutdownAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration leaving = cancellationToken.UnsafeRegister(
            static disk => ((BlockDevice)disk!).CancelShutDown(), Device);
        await Device.ShutDown().ConfigureAwait(EventLoop.IsCurrent);
    }

    protected internal override async ValueTask EndAsync(string reason)
    {
        End(reason);
        await Device.Ending.ConfigureAwait(EventLoop.IsCurrent);
    }

    private void End(string reason)
    {
        Device.Close(reason);
        Withdraw();
    }

    /// <summary>Makes a connection, and publishes it in xenstore.</summary>
    private async ValueTask PublishAsync(CancellationToken cancellationToken)
    {
        long mostOrder = await BlockFeatures.ReadNumberAsync(
            Store, XenDevice.OtherEndPath, "max-ring-page-order", 0, int.MaxValue, 0, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
        int order = (int)Math.Min(mostOrder, int.Log2(_driver.Options.RingPages));
        BlockConnection connection = new(
            Device, _driver.Channels, _driver.Pages, (ushort)XenDevice.OtherEndId, 1 << order, _handle, _driver.Options);
        Device.Open(connection);

        List<FrontEndNode> nodes =
        [
            new("event-channel", connection.Channel.Port),
            new("protocol", "x86_64-abi"),
            new("feature-persistent", 1),
        ];
        if (order == 0)
        {
            nodes.Add(new("ring-ref", connection.RingReferences[0]));
        }
        else
        {
            nodes.Add(new("ring-page-order", order));
            nodes.AddRange(connection.RingReferences.Select((reference, i) => new FrontEndNode($"ring-ref{i}", reference)));
        }

        // An earlier back end may have had a larger ring. This one would use the nodes that are left of it.
        await PublishAsync(nodes, Device.WasConnected ? ["ring-ref", "ring-page-order"] : [], cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        await XenDevice.SetStateAsync(XenBusState.Initialised, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask ConnectAsync(CancellationToken cancellationToken)
    {
        BlockFeatures features = await BlockFeatures.ReadAsync(Store, XenDevice.OtherEndPath, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        Device.Connect(features);
        await XenDevice.SetStateAsync(XenBusState.Connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        Offer();
    }

    private void OnEnded(Exception? error)
    {
        // The disk's lock is held here, and the store may take any time to answer.
        Device.Ending = EventLoop.Start(Store.Loop, async () =>
        {
            Withdraw();
            try
            {
                if (error is not null)
                {
                    await XenDevice.ReportFatalErrorAsync("the connection cannot go on", error).ConfigureAwait(EventLoop.IsCurrent);
                }

                await XenDevice.SetStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException failure)
            {
                await XenDevice.ReportErrorAsync("the state cannot be set to Closed", failure).ConfigureAwait(EventLoop.IsCurrent);
            }
        });
    }
}
