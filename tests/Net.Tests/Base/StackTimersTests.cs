namespace Xenlet.Net.Tests.Base;

public sealed class StackTimersTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Timers_expire_in_the_order_of_their_time_whatever_was_set_moved_and_cancelled_before(int seed)
    {
        Random random = new(seed);
        StackTimers queue = new();
        List<int> expired = [];
        StackTimer[] timers = new StackTimer[200];
        long?[] expected = new long?[timers.Length];
        for (int i = 0; i < timers.Length; i++)
        {
            int number = i;
            timers[i] = new StackTimer(() => expired.Add(number));
        }

        for (int step = 0; step < 5_000; step++)
        {
            int number = random.Next(timers.Length);
            if (random.Next(3) == 0)
            {
                queue.Cancel(timers[number]);
                expected[number] = null;
            }
            else
            {
                expected[number] = random.Next(1_000_000);
                queue.Set(timers[number], expected[number]!.Value);
            }

            Assert.Equal(expected.Min() ?? long.MaxValue, queue.NextDue);
        }

        queue.Run(500_000);
        Assert.Equal(expected.Where(due => due <= 500_000).Order(), expired.Select(number => expected[number]));
        Assert.Equal(expected.Count(due => due > 500_000), queue.Count);
        Assert.All(expired, number => Assert.False(timers[number].IsSet));
    }

    [Fact]
    public void A_timer_may_set_itself_again_when_it_expires()
    {
        StackTimers queue = new();
        int count = 0;
        StackTimer timer = null!;
        timer = new StackTimer(() => queue.Set(timer, 10 + count++));

        queue.Set(timer, 5);
        queue.Run(12);

        Assert.Equal(4, count);
        Assert.Equal(13, queue.NextDue);
    }
}
