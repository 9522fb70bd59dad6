using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing.Tests.Client;

public class PendingRequestsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly ManualClock _clock = new();
    private readonly PendingRequests _pending;

    public PendingRequestsTests() =>
        _pending = new(new() { TimeProvider = _clock, RequestTimeLimit = Limit, MaxOutstanding = 3 }, lastId: 0);

    [Fact]
    public void Requests_are_sent_in_the_order_of_the_calls_but_for_urgent_ones()
    {
        Request[] requests = [Read("/a"), Read("/b")];
        Request urgent = Read("/c");
        urgent.Urgent = true;
        _pending.Add(requests[0]);
        _pending.Add(requests[1]);
        _pending.Add(urgent);

        Assert.Equal([urgent, requests[0], requests[1]], Enumerable.Range(0, 3).Select(_ => Send()));
        Assert.False(_pending.CanSend, "three are outstanding");
        Assert.False(_pending.HasQueued);
    }

    [Fact]
    public void A_request_given_up_in_the_queue_is_not_sent()
    {
        Request request = Read("/a");
        _pending.Add(request);

        _pending.Abandon(request, new OperationCanceledException());

        Assert.False(_pending.HasQueued);
        Assert.Equal(RequestState.Done, request.State);
    }

    /// <summary>A commit that the caller gave up must not be carried out later; yet the server must not keep the transaction.</summary>
    [Fact]
    public void A_commit_given_up_in_the_queue_becomes_an_abort_without_a_time_limit()
    {
        Request commit = Rent(RequestMessage.EndTransaction(7, commit: true));
        _pending.Add(commit);

        _pending.Abandon(commit, new OperationCanceledException());
        _clock.Advance(10 * Limit);

        Assert.Null(_pending.FindExpired());
        Assert.Equal(RequestMessage.EndTransaction(7, commit: false), Send().Message);
    }

    [Fact]
    public void The_time_limit_counts_from_the_call_on_through_queue_and_wire()
    {
        Request sent = Read("/a");
        Request queued = Read("/b");
        _pending.Add(sent);
        _clock.Advance(Limit / 2);
        _pending.Add(queued);
        Assert.Same(sent, Send());
        Assert.Null(_pending.FindExpired());

        _clock.Advance(Limit / 2);
        Assert.Same(sent, _pending.FindExpired());
        _pending.Abandon(sent, new TimeoutException());
        Assert.Null(_pending.FindExpired());
        Assert.Equal(1, _pending.OutstandingCount);

        _clock.Advance(Limit / 2);
        Assert.Same(queued, _pending.FindExpired());
    }

    [Fact]
    public void The_time_that_a_domain_stood_still_counts_for_nothing()
    {
        _pending.Add(Read("/a"));
        _clock.Advance(2 * Limit);
        Assert.NotNull(_pending.FindExpired());

        _pending.RestartTimeLimits();

        Assert.Null(_pending.FindExpired());
    }

    [Fact]
    public void A_connection_that_is_lost_takes_what_it_was_sent_and_what_means_nothing_to_the_next()
    {
        Request sent = Read("/a");
        Request waiting = Read("/b");
        Request transactional = Rent(RequestMessage.OnNode(XenStoreMessageType.Read, 7, "/c"));
        Request urgent = Read("/d");
        urgent.Urgent = true;
        _pending.Add(sent);
        Send();
        _pending.Add(waiting);
        _pending.Add(transactional);
        _pending.Add(urgent);

        Assert.Equal(
            new HashSet<Request?> { sent, transactional, urgent },
            [_pending.TakeBound(), _pending.TakeBound(), _pending.TakeBound()]);
        Assert.Null(_pending.TakeBound());
        Assert.Same(waiting, _pending.First);
    }

    private Request Send()
    {
        Request request = _pending.First!;
        _pending.Send(request, new byte[100]);
        return request;
    }

    private static Request<bool> Read(string path) => Rent(RequestMessage.OnNode(XenStoreMessageType.Read, 0, path));

    private static Request<bool> Rent(in RequestMessage message) => Request<bool>.Rent(null!, message, Decoders.True);
}
