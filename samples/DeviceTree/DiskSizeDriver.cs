using System.Buffers.Binary;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Samples;

/// <summary>
/// Connects to every virtual disk as a block front end does, up to the point where requests could be sent, and knows the disk's size then.
/// It shows the way of a connection; it neither reads nor writes.
/// </summary>
/// <remarks>The nodes and the layout of the ring are those of Xen's <c>io/blkif.h</c> and <c>io/ring.h</c>.</remarks>
internal sealed class DiskSizeDriver(IEventChannels channels, ISharedPages pages) : XenBusDriver
{
    // struct blkif_sring: req_prod, req_event, rsp_prod, rsp_event; SHARED_RING_INIT asks for an event at the first of each.
    private const int RequestEvent = 4;
    private const int ResponseEvent = 12;

    public override string Name => "disk size";

    public override int? Probe(XenDevice device) => device.Type == "vbd" ? ProbePriority.Default : null;

    public override async ValueTask AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        ushort backEnd = (ushort)device.OtherEndId;
        Connection connection = new(pages.Allocate());
        try
        {
            BinaryPrimitives.WriteUInt32LittleEndian(connection.Ring.Span[RequestEvent..], 1);
            BinaryPrimitives.WriteUInt32LittleEndian(connection.Ring.Span[ResponseEvent..], 1);
            connection.Events = channels.AllocateUnbound(backEnd);

            XenStoreClient store = device.Bus.Store;
            await store.WriteAsync(device.Node + "/ring-ref", connection.Ring.Grant(backEnd).Reference, cancellationToken);
            await store.WriteAsync(device.Node + "/event-channel", connection.Events.Port, cancellationToken);
            await store.WriteAsync(device.Node + "/protocol", "x86_64-abi", cancellationToken);
            await device.SetStateAsync(XenBusState.Initialised, cancellationToken);
            device.DriverData = connection;
        }
        catch
        {
            // A device that was not attached is not detached either.
            connection.Dispose();
            throw;
        }
    }

    public override async ValueTask OtherEndChangedAsync(XenDevice device, XenBusState state, CancellationToken cancellationToken)
    {
        switch (state)
        {
            case XenBusState.Connected when device.State == XenBusState.Initialised:
                // "sectors" counts units of 512 bytes, whatever "sector-size" says.
                long sectors = await device.Bus.Store.ReadInt64Async(device.OtherEndPath + "/sectors", cancellationToken);
                Console.WriteLine($"          {device.Name}: {sectors / 2} KiB");
                await device.SetStateAsync(XenBusState.Connected, cancellationToken);
                break;

            case XenBusState.Closing or XenBusState.Closed:
                await device.SetStateAsync(XenBusState.Closed, cancellationToken);
                break;
        }
    }

    public override ValueTask<bool> DetachAsync(XenDevice device)
    {
        // A page that the back end still has mapped is kept by the kernel until it lets go.
        (device.DriverData as Connection)?.Dispose();
        device.DriverData = null;
        return new(true);
    }

    private sealed class Connection(ISharedPage ring) : IDisposable
    {
        public ISharedPage Ring => ring;

        public IEventChannel? Events { get; set; }

        public void Dispose()
        {
            Events?.Dispose();
            ring.Dispose();
        }
    }
}
