using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>
/// Ends the guest when the program has not ended in time. It has its own thread, since a program that hangs may have blocked all threads of
/// the pool.
/// </summary>
internal sealed class ShutdownLimit(IPower power, ControlOutput output, TimeSpan limit, TimeProvider clock)
{
    // Timers of a TimeProvider need the pool, so the thread polls the clock.
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private bool _isRunning;
    private volatile bool _isRestart;

    /// <summary>The program has to end. The first request starts the time; the last one decides between reboot and power off.</summary>
    public void Begin(bool thenReboot)
    {
        _isRestart = thenReboot;
        lock (_lock)
        {
            if (!_isRunning && limit != Timeout.InfiniteTimeSpan)
            {
                long began = clock.GetTimestamp();
                new Thread(() => Run(began)) { IsBackground = true, Name = "shutdown limit" }.Start();
                _isRunning = true;
            }
        }
    }

    private void Run(long began)
    {
        for (TimeSpan left = limit; left > TimeSpan.Zero; left = limit - clock.GetElapsedTime(began))
        {
            Thread.Sleep(left < PollInterval ? left : PollInterval);
        }

        bool thenReboot = _isRestart;
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"the program has not ended {limit.TotalSeconds:0.###} s after it was asked to: "
            + $"{(thenReboot ? "rebooting" : "switching off")} without it");
        output.LastMessage(text);
        if (thenReboot)
        {
            power.Reboot();
        }
        else
        {
            power.PowerOff();
        }
    }
}
