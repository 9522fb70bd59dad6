namespace Xenlet.Kernel.Tests.Managed;

public class AsyncSignalTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_signal_set_before_the_wait_is_not_lost_and_counts_once()
    {
        AsyncSignal signal = new();
        signal.Set();
        signal.Set();
        await Soon(signal.WaitAsync(CancellationToken.None));
        ValueTask second = signal.WaitAsync(CancellationToken.None);
        Assert.False(second.IsCompleted);
        signal.Set();
        await Soon(second);
    }

    [Fact]
    public async Task A_signal_set_while_a_wait_is_being_cancelled_is_taken_by_it_or_by_the_next()
    {
        AsyncSignal signal = new();
        for (int i = 0; i < 2000; i++)
        {
            using CancellationTokenSource cancel = new();
            ValueTask wait = signal.WaitAsync(cancel.Token);
            Task setting = Task.Run(signal.Set);
            await cancel.CancelAsync();
            bool taken = true;
            try
            {
                await wait;
            }
            catch (OperationCanceledException)
            {
                taken = false;
            }

            await setting.WaitAsync(Limit);
            if (!taken)
            {
                await Soon(signal.WaitAsync(CancellationToken.None));
            }
        }
    }

    [Fact]
    public async Task A_cancellation_ends_its_own_wait_and_no_later_one()
    {
        AsyncSignal signal = new();
        using CancellationTokenSource first = new();
        using CancellationTokenSource second = new();
        ValueTask wait = signal.WaitAsync(first.Token);
        signal.Set();
        await Soon(wait);

        Task later = signal.WaitAsync(second.Token).AsTask();
        await first.CancelAsync();
        Assert.True(signal.IsAwaited, "the later wait has another token");

        await second.CancelAsync();
        Assert.Equal(
            second.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => later.WaitAsync(Limit))).CancellationToken);
    }

    [Fact]
    public async Task Another_wait_begins_when_the_last_ones_result_was_taken()
    {
        AsyncSignal signal = new();
        ValueTask wait = signal.WaitAsync(CancellationToken.None);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Soon(signal.WaitAsync(CancellationToken.None)));
        signal.Set();
        await Assert.ThrowsAsync<InvalidOperationException>(() => Soon(signal.WaitAsync(CancellationToken.None)));

        await Soon(wait);
        Assert.True(signal.CanWait);
        signal.Set();
        await Soon(signal.WaitAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_failure_ends_the_present_wait_and_no_later_one()
    {
        AsyncSignal signal = new();
        signal.Fail(new IOException("before the wait"));
        Task wait = signal.WaitAsync(CancellationToken.None).AsTask();
        signal.Fail(new IOException("meanwhile"));

        Assert.Equal("meanwhile", (await Assert.ThrowsAsync<IOException>(() => wait.WaitAsync(Limit))).Message);
        Assert.False(signal.IsSet);
    }

    [Fact]
    public async Task A_wait_goes_on_on_the_loop_where_it_was_begun()
    {
        using EventLoop loop = new("test");
        AsyncSignal signal = new();
        Task<EventLoop?> wait = EventLoop.RunAsync(loop, async () =>
        {
            await signal.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            return EventLoop.Current;
        });
        while (!signal.IsAwaited)
        {
            await Task.Yield();
        }

        Assert.True(signal.TrySet(out EventLoop? found));
        Assert.Same(loop, found);
        Assert.False(wait.IsCompleted, "it is the caller who has the loop run the signal");

        loop.Queue(signal);
        Assert.Same(loop, await wait.WaitAsync(Limit));
    }

    private static Task Soon(ValueTask task) => task.AsTask().WaitAsync(Limit);
}
