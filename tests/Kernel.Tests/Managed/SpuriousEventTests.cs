using System.Collections.Concurrent;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.Kernel.Tests.Managed;

/// <summary>Spurious events mask their channel, for a longer time the more of them come in a row.</summary>
public sealed class SpuriousEventTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);

    private readonly ManualClock _clock = new();
    private readonly BlockingCollection<long> _events = [];
    private readonly IEventChannel _channel;
    private int _asked;
    private long _askAnswer;

    public SpuriousEventTests()
    {
        NucleusSystemCall.Nucleus = (number, _, _, _) => number switch
        {
            NucleusCall.AllocateUnboundPort => 5,
            NucleusCall.WaitForEvent => _events.Take(),
            NucleusCall.UnmaskPort => Ask(),
            _ => 0,
        };
        _channel = new XenEventChannels(_clock).AllocateUnbound(0);
    }

    public void Dispose() => NucleusSystemCall.Nucleus = static (number, _, _, _) =>
    {
        if (number == NucleusCall.WaitForEvent)
        {
            // A dispatcher's thread outlives its test.
            System.Threading.Thread.Sleep(Timeout.Infinite);
        }

        return -Errno.ENOSYS;
    };

    [Fact]
    public async Task The_silence_doubles_from_a_millisecond_to_an_eighth_of_a_second_once_more_come_than_chance_brings()
    {
        List<int> silences = [];
        for (int i = 0; i < 19; i++)
        {
            silences.Add(await WaitAsync());
            Assert.Equal(i >= 8, _channel.ReportSpurious());
        }

        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 128, 128], silences);
    }

    [Fact]
    public async Task An_event_that_brings_something_ends_the_silence()
    {
        await StormAsync();
        Assert.NotEqual(0, await WaitAsync());
        Assert.Equal(0, await WaitAsync());
        Assert.False(_channel.ReportSpurious());
        Assert.Equal(0, await WaitAsync());
    }

    [Fact]
    public async Task A_wait_that_was_cancelled_in_the_silence_does_not_end_it()
    {
        await StormAsync();
        using CancellationTokenSource source = new();
        Task wait = _channel.WaitAsync(source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, Interlocked.Exchange(ref _asked, 0));

        Assert.NotEqual(0, await WaitAsync());
    }

    [Fact]
    public async Task A_channel_that_is_closed_in_the_silence_ends_the_wait_and_asks_for_nothing()
    {
        await StormAsync();
        Task wait = _channel.WaitAsync().AsTask();
        _channel.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Limit));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task A_port_that_a_resume_has_closed_in_the_silence_ends_the_wait()
    {
        await StormAsync();
        Task wait = _channel.WaitAsync().AsTask();
        _askAnswer = -Errno.ESTALE;
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Limit));
    }

    private async Task StormAsync()
    {
        bool isStorm = false;
        while (!isStorm)
        {
            await WaitAsync();
            isStorm = _channel.ReportSpurious();
        }
    }

    /// <summary>Waits for an event, and returns for how many milliseconds the port was masked before.</summary>
    private async Task<int> WaitAsync()
    {
        Task wait = _channel.WaitAsync().AsTask();
        int silence = 0;
        for (; _asked == 0; silence++)
        {
            Assert.InRange(silence, 0, 1000);
            _clock.Advance(Millisecond);
        }

        Assert.Equal(1, Interlocked.Exchange(ref _asked, 0));
        _events.Add(5);
        await wait.WaitAsync(Limit);
        return silence;
    }

    private long Ask()
    {
        _asked++;
        return _askAnswer;
    }
}
