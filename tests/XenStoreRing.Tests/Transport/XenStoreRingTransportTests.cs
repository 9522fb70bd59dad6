using Xenlet.Kernel;
using Xenlet.XenStoreRing.Transport;

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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_ring_that_is_served_late_is_found_again_since_it_may_have_moved(bool notified)
    {
        using TestRing before = new();
        before[RingLayout.Connection] = 1;
        await using TestServer server = new(new(5, 9));
        Source source = new(before, server.Ring);
        await using XenStoreRingTransport transport = new(source);
        Task opening = transport.OpenAsync(CancellationToken.None).AsTask();
        before.ServerDoorbell.Notify();
        byte[] untouched = before.Bytes.ToArray();
        Assert.False(opening.IsCompleted);
        Assert.Equal(0, source.Found);

        before[RingLayout.Connection] = 0;
        untouched[RingLayout.Connection] = 0;
        if (notified)
        {
            before.ServerDoorbell.Notify();
        }

        await opening.Soon();
        Assert.Equal(1, source.Found);
        server.Send(1, 2, 3);
        byte[] buffer = new byte[10];
        Assert.Equal(3, await transport.ReadAsync(buffer, CancellationToken.None).Soon());
        Assert.Equal([1, 2, 3], buffer[..3]);
        Assert.Equal(12U, server.Ring[RingLayout.ReplyConsumer]);
        Assert.Equal(untouched, before.Bytes.ToArray());
        Assert.Equal(0, before.ClientDoorbell.Sent);
    }

    [Fact]
    public async Task A_ring_that_has_moved_to_a_page_not_served_yet_is_waited_for_again()
    {
        using TestRing before = new();
        using TestRing after = new();
        before[RingLayout.Connection] = 1;
        after[RingLayout.Connection] = 1;
        Source source = new(before, after);
        await using XenStoreRingTransport transport = new(source);
        Task opening = transport.OpenAsync(CancellationToken.None).AsTask();
        before[RingLayout.Connection] = 0;
        before.ServerDoorbell.Notify();
        await Patience.Until(() => source.Found == 1);
        Assert.False(opening.IsCompleted);
        after[RingLayout.Connection] = 0;
        after.ServerDoorbell.Notify();
        await opening.Soon();
        Assert.Equal(2, source.Found);
    }

    [Fact]
    public async Task A_ring_that_is_served_at_once_is_not_looked_for_again()
    {
        using TestRing ring = new();
        Source source = new(ring, ring);
        await using XenStoreRingTransport transport = new(source);
        await transport.OpenAsync(CancellationToken.None).Soon();
        Assert.Equal(0, source.Found);
    }

    [Fact]
    public async Task A_ring_that_is_not_found_again_fails_the_client_with_the_reason()
    {
        using TestRing ring = new();
        ring[RingLayout.Connection] = 1;
        Source source = new(ring, null);
        Task<XenStoreClient> connecting = XenStoreClient.ConnectAsync(new XenStoreRingTransport(source)).AsTask();
        ring[RingLayout.Connection] = 0;
        XenStoreException failure = await Assert.ThrowsAsync<XenStoreException>(() => connecting.Soon());
        Assert.Equal("no ring any more", failure.Message);
    }

    [Fact]
    public async Task A_link_that_is_served_late_is_found_again()
    {
        using TestRing before = new();
        before[RingLayout.Connection] = 1;
        await using TestServer server = new() { Responder = request => request.Reply("value") };
        TestLink link = new(before, server.Ring);
        Task<XenStoreClient> connecting = XenStoreClient.ConnectAsync(
            XenStoreLinkTransport.Create(link), new() { ResetWatches = false, DisposeTimeLimit = server.DisposeLimit }).AsTask();
        before[RingLayout.Connection] = 0;
        before.ServerDoorbell.Notify();
        await using XenStoreClient client = await connecting.Soon();
        Assert.Equal("value", await client.ReadAsync("/a").Soon());
        Assert.Equal(0U, before[RingLayout.RequestProducer]);
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

    /// <summary>A ring that has moved when it is looked for again, or (null) is gone.</summary>
    private sealed class Source(TestRing before, TestRing? after) : IRingSource
    {
        private int _found;

        public int Found => Volatile.Read(ref _found);

        public IRingPage Page { get; private set; } = before;

        public IRingDoorbell Doorbell { get; private set; } = before.ClientDoorbell;

        public void FindAgain()
        {
            Page = after ?? throw new XenStoreException(XenStoreError.ConnectionClosed, "no ring any more");
            Doorbell = after.ClientDoorbell;
            Interlocked.Increment(ref _found);
        }
    }

    /// <summary>The same as the kernel hands it out.</summary>
    private sealed class TestLink(TestRing before, TestRing after) : IXenStoreLink
    {
        public ISharedPage Page { get; private set; } = new LinkPage(before);

        public IEventChannel Events { get; private set; } = new LinkChannel(before.ClientDoorbell);

        public void FindAgain()
        {
            Page = new LinkPage(after);
            Events = new LinkChannel(after.ClientDoorbell);
        }

        public void Dispose()
        {
        }
    }

    private sealed class LinkPage(TestRing ring) : ISharedPage
    {
        public ulong Frame => 0;

        public Span<byte> Span => ring.Bytes;

        public Memory<byte> Memory => throw new NotSupportedException();

        public IGrant Grant(ushort domain, bool isReadOnly = false) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    private sealed class LinkChannel(TestDoorbell doorbell) : IEventChannel
    {
        public uint Port => 1;

        public void Notify() => doorbell.Notify();

        public ValueTask WaitAsync(CancellationToken cancellationToken = default) => doorbell.WaitAsync(cancellationToken);

        public bool ReportSpurious() => false;

        public void Dispose()
        {
        }
    }

    private sealed record Misplaced(nint Address) : IRingPage;
}
