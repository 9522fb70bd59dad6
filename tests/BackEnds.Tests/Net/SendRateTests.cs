using Xenlet.BackEnds.Net;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>What of a rate a front end has used up.</summary>
public sealed class SendRateTests
{
    private const int KiB = 1024;

    private readonly ManualClock _clock = new();

    /// <summary>A front end sends frames of 16 KiB as soon as it may, for some milliseconds: how many it sends.</summary>
    [Theory]
    [InlineData("65536,50000", 0, 8)]
    [InlineData("65536,50000", 49, 8)]
    [InlineData("65536,50000", 50, 12)]
    [InlineData("65536,50000", 100, 16)]
    [InlineData("65536,50000", 1000, 88)]
    [InlineData("1,1000000", 4000, 8)]
    [InlineData("10240,10000", 1000, 70)]
    [InlineData("1048576,1000000", 0, 64)]
    [InlineData("1048576,1000000", 1000, 128)]
    public void Over_any_time_no_more_is_sent_than_the_rate_and_the_burst(string rate, int milliseconds, int frames)
    {
        SendRate sent = new(_clock);
        sent.Set(rate);
        int count = 0;
        for (int now = 0; now <= milliseconds; now++)
        {
            while (sent.UntilCredit() <= TimeSpan.Zero)
            {
                sent.Charge(16 * KiB);
                count++;
            }

            _clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        // The last frame may be larger than what is left.
        Assert.InRange(count, frames, frames + 1);
    }

    [Fact]
    public void After_a_long_pause_the_burst_is_not_larger_and_its_end_is_known()
    {
        SendRate sent = new(_clock);
        sent.Set("4294967295,1");
        sent.Set("65536,50000");
        _clock.Advance(TimeSpan.FromDays(10_000));
        Assert.Equal(TimeSpan.Zero, sent.UntilCredit());
        sent.Charge(128 * KiB);
        _clock.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal(TimeSpan.FromMilliseconds(30), sent.UntilCredit());
        _clock.Advance(TimeSpan.FromMilliseconds(30));
        Assert.Equal(TimeSpan.Zero, sent.UntilCredit());
        sent.Charge(1 << 30);
        sent.Set(null);
        Assert.Equal(TimeSpan.Zero, sent.UntilCredit());
    }
}
