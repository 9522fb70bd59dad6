using Xenlet.Net.Base;
using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>The window's growth (RFC 9438).</summary>
public sealed class CubicTests
{
    private const int Segment = 1_000;
    private const long RoundTrip = 100 * StackTime.Millisecond;

    [Fact]
    public void In_slow_start_the_window_doubles_each_round_trip()
    {
        Cubic cubic = new() { Window = 10 * Segment };
        Acknowledge(cubic, 10, 0);
        Assert.Equal(20 * Segment, cubic.Window);
    }

    [Fact]
    public void A_loss_takes_three_tenths_and_undoing_it_gives_them_back()
    {
        Cubic cubic = new() { Window = 100 * Segment };
        cubic.OnLoss(Segment);
        Assert.Equal(70 * Segment, cubic.Threshold);
        cubic.Window = Segment;
        cubic.Undo();
        Assert.Equal(100 * Segment, cubic.Window);
        Assert.True(cubic.Threshold > 100 * Segment);
    }

    [Fact]
    public void After_a_loss_the_window_is_flat_where_the_loss_was_and_grows_fast_beyond()
    {
        // K = cbrt(0.3 W / C) is 9.09 s for W of 1,000 segments: by then the window is W again.
        Cubic cubic = new() { Window = 1_000 * Segment };
        cubic.OnLoss(Segment);
        cubic.Window = cubic.Threshold;
        List<int> windows = [];
        for (long now = 1; windows.Count < 150; now += RoundTrip)
        {
            Acknowledge(cubic, cubic.Window / Segment, now);
            windows.Add(cubic.Window / Segment);
        }

        Assert.InRange(windows[90], 990, 1_010);
        Assert.True(windows[10] - windows[0] > 4 * (windows[95] - windows[85]), "the curve is not flat where the loss was");
        Assert.True(windows[149] > 1_060, $"the window does not grow beyond: {windows[149]}");
        Assert.Equal(windows, windows.Order());
    }

    [Fact]
    public void A_second_loss_below_the_first_leaves_room_for_others()
    {
        Cubic first = new() { Window = 1_000 * Segment };
        first.OnLoss(Segment);
        first.Window = first.Threshold;
        first.OnLoss(Segment);
        first.Window = first.Threshold;

        // Without fast convergence the plateau is at 700 segments; with it at 595.
        for (int i = 0; i < 85; i++)
        {
            Acknowledge(first, first.Window / Segment, 1 + (i * RoundTrip));
        }

        Assert.InRange(first.Window / Segment, 580, 610);
    }

    [Fact]
    public void On_a_short_path_it_is_no_slower_than_Reno()
    {
        const long Short = StackTime.Millisecond;
        Cubic cubic = new() { Window = 20 * Segment };
        cubic.OnLoss(Segment);
        cubic.Window = cubic.Threshold;
        int before = cubic.Window;
        for (int i = 0; i < 20; i++)
        {
            for (int each = cubic.Window / Segment; each > 0; each--)
            {
                cubic.OnAcknowledged(Segment, 1 + (i * Short), Short, Segment);
            }
        }

        // 3 * (1 - 0.7) / (1 + 0.7) segments each round trip, until the window is that before the loss; then one.
        Assert.InRange((cubic.Window - before) / Segment, 9, 15);
    }

    private static void Acknowledge(Cubic cubic, int count, long now)
    {
        for (; count > 0; count--)
        {
            cubic.OnAcknowledged(Segment, now, RoundTrip, Segment);
        }
    }
}
