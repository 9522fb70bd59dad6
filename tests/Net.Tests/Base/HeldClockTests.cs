using Xenlet.Net.Base;
using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Base;

public sealed class HeldClockTests
{
    private readonly TestClock _time = new();
    private readonly HeldClock _clock;

    public HeldClockTests() => _clock = new HeldClock(_time);

    [Fact]
    public void The_time_stands_while_it_is_held_and_then_is_what_it_would_be()
    {
        _time.Now = 10;
        Assert.Equal(10, _clock.Now);
        _clock.Hold();
        _time.Now = 20;
        Assert.Equal(10, _clock.Now);
        _clock.Release();
        Assert.Equal(20, _clock.Now);
    }

    [Fact]
    public void Holding_it_again_is_a_later_time()
    {
        _clock.Hold();
        _time.Now = 30;
        _clock.Hold();
        Assert.Equal(30, _clock.Now);
    }
}
