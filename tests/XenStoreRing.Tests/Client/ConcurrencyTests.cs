using CsCheck;

namespace Xenlet.XenStoreRing.Tests.Client;

public class ConcurrencyTests
{
    [Fact]
    public async Task Replies_in_any_order_find_their_requests()
    {
        await Gen.Shuffle(Enumerable.Range(0, 20).ToArray()).SampleAsync(
            async order =>
            {
                await using TestServer server = new();
                await using XenStoreClient client = await server.ConnectAsync();
                Task<string>[] reads = [.. order.Select(number => client.ReadAsync($"/{number}").Soon())];
                Message[] requests = new Message[reads.Length];
                for (int i = 0; i < requests.Length; i++)
                {
                    requests[i] = await server.ReceiveAsync();
                    Assert.Equal($"/{order[i]}", requests[i].Path);
                }

                foreach (int number in order)
                {
                    server.Send(requests[number].Reply(requests[number].Path));
                }

                for (int i = 0; i < reads.Length; i++)
                {
                    Assert.Equal($"/{order[i]}", await reads[i]);
                }
            },
            iter: 30);
    }

    [Fact]
    public async Task More_than_20_requests_are_queued_first_in_first_out()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        Task<string>[] reads = [.. Enumerable.Range(0, 50).Select(number => client.ReadAsync($"/{number}").Soon())];
        Queue<Message> held = new();
        for (int i = 0; i < 20; i++)
        {
            held.Enqueue(await server.ReceiveAsync());
        }

        await Task.Delay(50);
        Assert.False(server.HasRequest);
        for (int i = 0; i < 50; i++)
        {
            Message request = held.Dequeue();
            Assert.Equal($"/{i}", request.Path);
            server.Send(request.Reply($"{i}"));
            Assert.Equal($"{i}", await reads[i]);
            if (i < 30)
            {
                held.Enqueue(await server.ReceiveAsync());
            }
        }
    }

    [Fact]
    public async Task Many_tasks_at_once_get_their_own_values()
    {
        await using TestServer server = new(new(uint.MaxValue - 3000, uint.MaxValue - 9000))
        {
            Responder = request => request.Reply(new string('v', request.Path.Length * 10 % 2000) + request.Path),
        };
        await using XenStoreClient client = await server.ConnectAsync();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(number => Task.Run(async () =>
        {
            for (int i = 0; i < 50; i++)
            {
                string path = $"/{number}/{new string('p', 1 + ((number * 37) + (i * 11)) % 1500)}";
                Assert.EndsWith(path, await client.ReadAsync(path), StringComparison.Ordinal);
            }
        }))).Soon();
        Assert.Equal(new(2000, 2000, 0, 0, 0, 0), client.Statistics);
    }

    [Fact]
    public async Task A_cancelled_requests_reply_is_taken_off_the_ring_and_reaches_nobody_else()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        using CancellationTokenSource cancel = new();
        byte[] buffer = new byte[8];
        ValueTask<int> first = client.ReadAsync("/a", buffer, cancel.Token);
        Message cancelled = await server.ReceiveAsync();
        await cancel.CancelAsync();
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Soon());
        Assert.Equal(cancel.Token, error.CancellationToken);

        ValueTask<string> second = client.ReadAsync("/b");
        Message answered = await server.ReceiveAsync();
        server.Send(cancelled.Reply("late"));
        server.Send(answered.Reply("right"));
        Assert.Equal("right", await second.Soon());
        Assert.Equal(new byte[8], buffer);
        Assert.Equal(0, client.Statistics.UnmatchedReplies);
    }

    [Fact]
    public async Task A_request_cancelled_in_the_queue_is_not_sent()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(new() { ResetWatches = false, MaxOutstanding = 1 });
        using CancellationTokenSource cancel = new();
        ValueTask<string> first = client.ReadAsync("/1");
        ValueTask<string> second = client.ReadAsync("/2", cancel.Token);
        ValueTask<string> third = client.ReadAsync("/3");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.Soon());
        server.Send((await server.ReceiveAsync()).Reply("1"));
        Message last = await server.ReceiveAsync();
        server.Send(last.Reply("3"));

        Assert.Equal("/3", last.Path);
        Assert.Equal("1", await first.Soon());
        Assert.Equal("3", await third.Soon());
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_sends_nothing()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.ReadAsync("/a", new CancellationToken(true)).Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.WriteAsync("/a", "", new CancellationToken(true)).Soon());
        Assert.False(server.HasRequest);
    }

    [Fact]
    public async Task Requests_cancelled_at_any_moment_leave_the_connection_whole()
    {
        await using TestServer server = new() { Responder = request => request.Reply(request.Path) };
        await using XenStoreClient client = await server.ConnectAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(async () =>
        {
            Random random = new(number);
            for (int i = 0; i < 200; i++)
            {
                using CancellationTokenSource cancel = new();
                ValueTask<string> read = client.ReadAsync($"/{number}/{i}", cancel.Token);
                if (random.Next(2) == 0)
                {
                    Thread.SpinWait(random.Next(2000));
                    await cancel.CancelAsync();
                }

                try
                {
                    Assert.Equal($"/{number}/{i}", await read);
                }
                catch (OperationCanceledException)
                {
                    Assert.True(cancel.IsCancellationRequested);
                }
            }
        }))).Soon();

        Assert.Equal("/end", await client.ReadAsync("/end").Soon());
        Assert.Equal(0, client.Statistics.UnmatchedReplies);
    }
}
