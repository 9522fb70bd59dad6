namespace Xenlet.XenStoreRing.Tests.Transport;

public class XenStoreRingTransportTests
{
    [Fact]
    public async Task After_its_disposal_the_page_and_the_doorbell_are_left_alone()
    {
        using TestRing ring = new();
        XenStoreRingTransport transport = new(ring, ring.ClientDoorbell);
        await transport.OpenAsync(CancellationToken.None).Soon();
        await transport.DisposeAsync().Soon();
        int notified = ring.ClientDoorbell.Sent;
        ring[RingLayout.ReplyProducer] = 10;
        ring[RingLayout.Error] = 1;
        byte[] before = ring.Bytes.ToArray();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => transport.WriteAsync(new byte[10], CancellationToken.None).Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => transport.ReadAsync(new byte[10], CancellationToken.None).Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => transport.OpenAsync(CancellationToken.None).Soon());
        Assert.Null(transport.FindFault());
        Assert.Equal("ring: disposed of", transport.Describe());
        Assert.Equal(XenStoreServerFeatures.None, transport.ServerFeatures);
        Assert.Equal(before, ring.Bytes.ToArray());
        Assert.Equal(notified, ring.ClientDoorbell.Sent);
    }

    [Fact]
    public async Task What_the_server_offers_is_read_from_the_page()
    {
        using TestRing ring = new();
        ring[RingLayout.ServerFeatures] = 0xe;
        await using XenStoreRingTransport transport = new(ring, ring.ClientDoorbell);
        Assert.Equal(
            XenStoreServerFeatures.Error | XenStoreServerFeatures.WatchDepth | XenStoreServerFeatures.AnyDomain, transport.ServerFeatures);
    }

    [Fact]
    public async Task A_reader_that_is_cancelled_loses_nothing()
    {
        await using TestServer server = new();
        XenStoreRingTransport transport = server.NewTransport();
        await transport.OpenAsync(CancellationToken.None).Soon();
        using CancellationTokenSource cancel = new();
        byte[] buffer = new byte[10];
        ValueTask<int> read = transport.ReadAsync(buffer, cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.Soon());
        server.Send(1, 2, 3);
        Assert.Equal(3, await transport.ReadAsync(buffer, CancellationToken.None).Soon());
        Assert.Equal([1, 2, 3], buffer[..3]);
    }

    [Fact]
    public void A_page_that_is_not_aligned_is_refused()
    {
        using TestRing ring = new();
        Assert.Throws<ArgumentException>(() => new XenStoreRingTransport(new Misplaced(ring.Address + 2), ring.ClientDoorbell));
        Assert.Throws<ArgumentException>(() => new XenStoreRingTransport(new Misplaced(0), ring.ClientDoorbell));
    }

    private sealed record Misplaced(nint Address) : IRingPage;
}
