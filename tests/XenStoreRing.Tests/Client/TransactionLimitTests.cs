namespace Xenlet.XenStoreRing.Tests.Client;

/// <summary>Transactions are limited here, for all users together, so that xenstored's quota refuses none.</summary>
public sealed class TransactionLimitTests
{
    private static readonly XenStoreClientOptions Options =
        new() { ResetWatches = false, RequestTimeLimit = TimeSpan.FromMinutes(2), MaxTransactions = 2 };

    [Fact]
    public async Task A_transaction_beyond_the_limit_waits_for_an_end_and_other_requests_do_not()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(Options);
        ValueTask<XenStoreTransaction>[] beginning = [.. Enumerable.Range(0, 4).Select(_ => client.BeginTransactionAsync())];
        ValueTask<string> read = client.ReadAsync("/read");
        Message first = await server.ReceiveAsync(XenStoreMessageType.TransactionStart);
        Message second = await server.ReceiveAsync(XenStoreMessageType.TransactionStart);
        server.Send((await server.ReceiveAsync(XenStoreMessageType.Read)).Reply("value"));
        Assert.Equal("value", await read.Soon());
        server.Send(first.Reply("1|"));
        server.Send(second.Reply("2|"));
        XenStoreTransaction one = await beginning[0].Soon();
        XenStoreTransaction two = await beginning[1].Soon();
        Assert.False(server.HasRequest);

        ValueTask commit = one.CommitAsync();
        Message end = await server.ReceiveAsync(XenStoreMessageType.TransactionEnd);
        Assert.False(server.HasRequest);
        server.Send(end.Reply("OK|"));
        await commit.Soon();
        // One that is refused takes no place.
        server.Send((await server.ReceiveAsync(XenStoreMessageType.TransactionStart)).Error("ENOSPC"));
        await Patience.Fails(beginning[2]);
        server.Send((await server.ReceiveAsync(XenStoreMessageType.TransactionStart)).Reply("4|"));
        XenStoreTransaction four = await beginning[3].Soon();

        server.Responder = request => request.Reply("OK|");
        await two.DisposeAsync().Soon();
        await four.DisposeAsync().Soon();
    }

    [Fact]
    public async Task A_transaction_that_is_not_answered_in_its_time_takes_no_place_when_it_has_been_ended()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(Options with { MaxTransactions = 1 });
        ValueTask<XenStoreTransaction> lost = client.BeginTransactionAsync();
        Message late = await server.ReceiveAsync(XenStoreMessageType.TransactionStart);
        clock.Advance(Options.RequestTimeLimit);
        Assert.Equal(XenStoreError.TimedOut, (await Patience.Fails(lost)).Error);
        ValueTask<XenStoreTransaction> next = client.BeginTransactionAsync();
        server.Send(late.Reply("1|"));
        server.Send((await server.ReceiveAsync(XenStoreMessageType.TransactionEnd)).Reply("OK|"));
        server.Send((await server.ReceiveAsync(XenStoreMessageType.TransactionStart)).Reply("2|"));
        XenStoreTransaction transaction = await next.Soon();
        server.Responder = request => request.Reply("OK|");
        await transaction.DisposeAsync().Soon();
    }
}
