using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Tests.Transport;

public class AsyncSignalTests
{
    [Fact]
    public async Task A_signal_set_before_the_wait_is_not_lost_and_counts_once()
    {
        AsyncSignal signal = new();
        signal.Set();
        signal.Set();
        await signal.WaitAsync(CancellationToken.None).Soon();
        ValueTask second = signal.WaitAsync(CancellationToken.None);
        Assert.False(second.IsCompleted);
        signal.Set();
        await second.Soon();
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

            await setting.Soon();
            if (!taken)
            {
                await signal.WaitAsync(CancellationToken.None).Soon();
            }
        }
    }
}
