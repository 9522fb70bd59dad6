namespace Xenlet.XenStoreRing.Tests.Client;

public class TransactionTests
{
    [Fact]
    public async Task Requests_carry_the_transactions_id_and_a_commit_ends_it()
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log);
        await using XenStoreClient client = await server.ConnectAsync();
        await using (XenStoreTransaction transaction = await client.BeginTransactionAsync().Soon())
        {
            Assert.Equal(1u, transaction.Id);
            await transaction.WriteAsync("/a", "v").Soon();
            await transaction.DirectoryAsync("/a").Soon();
            await client.MakeDirectoryAsync("/outside").Soon();
            await transaction.CommitAsync().Soon();
        }

        Assert.Equal(["TRANSACTION_START 0 |", "WRITE 1 /a|v", "DIRECTORY 1 /a|", "MKDIR 0 /outside|", "TRANSACTION_END 1 T|"], log);
    }

    [Fact]
    public async Task A_transaction_left_without_commit_is_aborted_once()
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log);
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreTransaction transaction = await client.BeginTransactionAsync().Soon();
        await transaction.DisposeAsync().Soon();
        await transaction.DisposeAsync().Soon();

        Assert.Equal(["TRANSACTION_START 0 |", "TRANSACTION_END 1 F|"], log);
    }

    [Theory]
    [InlineData(true, "committed")]
    [InlineData(false, "aborted")]
    public async Task Use_after_the_end_is_an_error_that_says_so(bool commit, string how)
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log);
        await using XenStoreClient client = await server.ConnectAsync();
        await using XenStoreTransaction transaction = await client.BeginTransactionAsync().Soon();
        await (commit ? transaction.CommitAsync() : transaction.AbortAsync()).Soon();
        foreach (Func<Task> use in new Func<Task>[]
        {
            () => transaction.ReadAsync("/a")
                .Soon(), () => transaction.WriteAsync("/a", "").Soon(), () => transaction.DirectoryAsync("/a").Soon(),
            () => transaction.CommitAsync().Soon(), () => transaction.AbortAsync().Soon(), () => transaction.TryCommitAsync().Soon(),
        })
        {
            InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(use);
            Assert.Equal($"The xenstore transaction 1 has ended: it was {how}.", error.Message);
        }

        Assert.Equal(2, log.Count);
    }

    [Fact]
    public async Task A_conflict_is_an_error_or_false()
    {
        await using TestServer server = LoggingServer([], conflicts: 2);
        await using XenStoreClient client = await server.ConnectAsync();
        await using XenStoreTransaction first = await client.BeginTransactionAsync().Soon();
        await using XenStoreTransaction second = await client.BeginTransactionAsync().Soon();

        Assert.Equal(XenStoreError.EAGAIN, (await Patience.Fails(first.CommitAsync())).Error);
        Assert.False(await second.TryCommitAsync().Soon());
    }

    [Fact]
    public async Task The_helper_tries_again_after_a_conflict()
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log, conflicts: 2);
        await using XenStoreClient client = await server.ConnectAsync();
        int runs = 0;
        int result = await client.TransactAsync(
            async (transaction, token) =>
            {
                await transaction.WriteAsync("/a", "v", token);
                return ++runs;
            }).Soon();

        Assert.Equal(3, result);
        Assert.Equal(
            ["TRANSACTION_START 0 |", "WRITE 1 /a|v", "TRANSACTION_END 1 T|", "TRANSACTION_START 0 |", "WRITE 2 /a|v",
                "TRANSACTION_END 2 T|",
            "TRANSACTION_START 0 |", "WRITE 3 /a|v", "TRANSACTION_END 3 T|"], log);
    }

    [Fact]
    public async Task The_helper_gives_up_after_its_bound()
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log, conflicts: int.MaxValue);
        await using XenStoreClient client = await server.ConnectAsync(new() { ResetWatches = false, TransactionAttempts = 5 });
        XenStoreException error = await Patience.Fails(client.TransactAsync((_, _) => ValueTask.CompletedTask));

        Assert.Equal(XenStoreError.EAGAIN, error.Error);
        Assert.Contains("met a conflict 5 times", error.Message, StringComparison.Ordinal);
        Assert.Equal(10, log.Count);
    }

    [Fact]
    public async Task A_body_that_throws_or_is_cancelled_aborts_and_is_not_repeated()
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log);
        await using XenStoreClient client = await server.ConnectAsync();
        await Assert.ThrowsAsync<NotSupportedException>(() => client.TransactAsync((_, _) => throw new NotSupportedException()).Soon());
        using CancellationTokenSource cancel = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.TransactAsync(
            async (_, token) =>
            {
                await cancel.CancelAsync();
                token.ThrowIfCancellationRequested();
            },
            cancel.Token).Soon());

        Assert.Equal(["TRANSACTION_START 0 |", "TRANSACTION_END 1 F|", "TRANSACTION_START 0 |", "TRANSACTION_END 2 F|"], log);
    }

    [Fact]
    public async Task A_body_that_cancels_its_own_token_before_the_commit_aborts()
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log);
        await using XenStoreClient client = await server.ConnectAsync();
        using CancellationTokenSource cancel = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.TransactAsync(async (_, _) => await cancel.CancelAsync(), cancel.Token).Soon());

        Assert.Equal(["TRANSACTION_START 0 |", "TRANSACTION_END 1 F|"], log);
    }

    [Fact]
    public async Task A_start_that_was_cancelled_is_ended_when_its_reply_comes()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        using CancellationTokenSource cancel = new();
        ValueTask<XenStoreTransaction> starting = client.BeginTransactionAsync(cancel.Token);
        Message request = await server.ReceiveAsync(XenStoreMessageType.TransactionStart);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting.Soon());
        server.Send(request.Reply("42|"));
        Message end = await server.ReceiveAsync(XenStoreMessageType.TransactionEnd);

        Assert.Equal(42u, end.Header.TransactionId);
        Assert.Equal("F|", end.Text);
    }

    [Fact]
    public async Task A_commit_whose_wait_is_cancelled_is_sent_all_the_same()
    {
        List<string> log = [];
        await using TestServer server = LoggingServer(log);
        await using XenStoreClient client = await server.ConnectAsync(new() { ResetWatches = false, MaxOutstanding = 1 });
        XenStoreTransaction transaction = await client.BeginTransactionAsync().Soon();
        Func<Message, byte[]?> responder = server.Responder!;
        server.Responder = null;
        ValueTask<string> blocking = client.ReadAsync("/blocking");
        using CancellationTokenSource cancel = new();
        ValueTask commit = transaction.CommitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => commit.Soon());
        await transaction.DisposeAsync().Soon();
        server.Send((await server.ReceiveAsync()).Reply(""));
        await blocking.Soon();

        Assert.Equal("T|", (await server.ReceiveAsync(XenStoreMessageType.TransactionEnd)).Text);
        Assert.NotNull(responder);
    }

    [Fact]
    public async Task An_end_that_timed_out_in_the_queue_is_made_up_for()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(
            new() { ResetWatches = false, MaxOutstanding = 1, RequestTimeLimit = TimeSpan.FromSeconds(1.5) });
        ValueTask<XenStoreTransaction> starting = client.BeginTransactionAsync();
        server.Send((await server.ReceiveAsync()).Reply("7|"));
        XenStoreTransaction transaction = await starting.Soon();
        ValueTask<string> blocking = client.ReadAsync("/blocking");
        ValueTask commit = transaction.CommitAsync();
        clock.Advance(TimeSpan.FromSeconds(1.5));
        Assert.Equal(XenStoreError.TimedOut, (await Patience.Fails(commit)).Error);
        await Patience.Fails(blocking);
        server.Send((await server.ReceiveAsync()).Reply(""));
        Message end = await server.ReceiveAsync(XenStoreMessageType.TransactionEnd);

        Assert.Equal(7u, end.Header.TransactionId);
        Assert.Equal("F|", end.Text);
    }

    private static TestServer LoggingServer(List<string> log, int conflicts = 0)
    {
        int transactions = 0;
        return new()
        {
            Responder = request =>
            {
                log.Add($"{request.Type.ToWireName()} {request.Header.TransactionId} {request.Text}");
                return request.Type switch
                {
                    XenStoreMessageType.TransactionStart => request.Reply($"{++transactions}|"),
                    XenStoreMessageType.TransactionEnd when request.Text == "T|" && conflicts-- > 0 => request.Error("EAGAIN"),
                    XenStoreMessageType.Directory => request.Reply(""),
                    _ => request.Reply("OK|"),
                };
            },
        };
    }
}
