using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing.Tests.Client;

public class OutstandingRequestsTests
{
    [Fact]
    public void No_request_has_the_id_of_watch_events()
    {
        OutstandingRequests outstanding = new(capacity: 2, lastId: uint.MaxValue - 1);

        Assert.Equal(uint.MaxValue, outstanding.Add(Read()));
        Assert.Equal(1u, outstanding.Add(Read()));
    }

    [Fact]
    public void A_reply_frees_the_place_of_its_request_and_of_no_other()
    {
        OutstandingRequests outstanding = new(capacity: 2, lastId: 6);
        Request<string?> first = Read();
        Request<string?> second = Read();
        Assert.Equal(7u, outstanding.Add(first));
        Assert.Equal(8u, outstanding.Add(second));
        Assert.True(outstanding.IsFull);

        Assert.False(outstanding.TryTake(9, out _), "no request has the id 9");
        Assert.True(outstanding.TryTake(7, out OutstandingRequest answered));
        Assert.Same(first, answered.Waiter);
        Assert.False(outstanding.TryTake(7, out _), "the request 7 has its reply already");

        Assert.False(outstanding.IsFull);
        Assert.Equal(9u, outstanding.Add(Read()));
        Assert.True(outstanding.TryTake(8, out answered));
        Assert.Same(second, answered.Waiter);
    }

    /// <summary>Its reply is still to come, and a transaction it begins may be open.</summary>
    [Fact]
    public void A_request_that_nobody_waits_for_stays_outstanding()
    {
        OutstandingRequests outstanding = new(capacity: 2, lastId: 0);
        Request<uint> begin = Request<uint>.Rent(null!, RequestMessage.BeginTransaction(), Decoders.TransactionId);
        uint id = outstanding.Add(begin);
        outstanding.Add(Read());

        outstanding.Forget(begin);

        Assert.Equal(2, outstanding.Count);
        Assert.Equal(1, outstanding.CountOf(XenStoreMessageType.TransactionStart));
        Assert.True(outstanding.TryTake(id, out OutstandingRequest entry));
        Assert.Null(entry.Waiter);
        Assert.Equal(XenStoreMessageType.TransactionStart, entry.Type);
        Assert.Equal(0, outstanding.CountOf(XenStoreMessageType.TransactionStart));
    }

    [Fact]
    public void Each_who_waits_is_taken_once()
    {
        OutstandingRequests outstanding = new(capacity: 3, lastId: 0);
        Request<string?>[] waiters = [Read(), Read(), Read()];
        foreach (Request<string?> waiter in waiters)
        {
            outstanding.Add(waiter);
        }

        outstanding.Forget(waiters[1]);

        Assert.Equal(new HashSet<Request?> { waiters[0], waiters[2] }, [outstanding.TakeWaiter(), outstanding.TakeWaiter()]);
        Assert.Null(outstanding.TakeWaiter());
        Assert.Equal(3, outstanding.Count);
    }

    private static Request<string?> Read() =>
        Request<string?>.Rent(null!, RequestMessage.OnNode(XenStoreMessageType.Read, 0, "/a"), Decoders.Text);
}
