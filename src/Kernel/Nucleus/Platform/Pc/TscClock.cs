using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Platform.Pc;

/// <summary>Time without Xen: the time-stamp counter, calibrated once against the PC's interval timer, and the CMOS clock's date.</summary>
internal static class TscClock
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    // The 8254. Channel 2 can be gated and read through the speaker port.
    private const ushort SpeakerPort = 0x61;
    private const ushort Channel2 = 0x42;
    private const ushort TimerCommand = 0x43;
    private const ulong TimerFrequency = 1_193_182;
    private const ulong CalibrationTicks = 11_932; // ten milliseconds

    private static ulong s_start;
    private static ulong s_nanosecondsPerTick32;
    private static ulong s_last;

    /// <summary>Real time minus <see cref="Now"/>, in nanoseconds.</summary>
    public static ulong WallClockOffset { get; private set; }

    /// <summary>Measures the counter's frequency, which takes ten milliseconds.</summary>
    public static void Initialise()
    {
        // Gate and speaker off. In mode 0 the output rises when the count is done.
        byte speaker = (byte)(Machine.In8(SpeakerPort) & ~3);
        Machine.Out8(SpeakerPort, speaker);
        Machine.Out8(TimerCommand, 0xb0);
        Machine.Out8(Channel2, (byte)(CalibrationTicks & 0xff));
        Machine.Out8(Channel2, (byte)(CalibrationTicks >> 8));
        Machine.Out8(SpeakerPort, (byte)(speaker | 1));
        ulong start = Machine.ReadTsc();
        while ((Machine.In8(SpeakerPort) & 0x20) == 0)
        {
            Machine.Pause();
        }

        ulong elapsed = Machine.ReadTsc() - start;
        ulong nanoseconds = CalibrationTicks * NanosecondsPerSecond / TimerFrequency;
        s_nanosecondsPerTick32 = (nanoseconds << 32) / elapsed;
        s_start = start;
        WallClockOffset = CmosClock.UnixTime() * NanosecondsPerSecond - Now();
    }

    /// <summary>Nanoseconds since <see cref="Initialise"/>.</summary>
    public static ulong Now()
    {
        ulong ticks = Machine.ReadTsc() - s_start;
        // Multiply both halves separately: a 128-bit product is not needed for centuries.
        ulong high = (ticks >> 32) * s_nanosecondsPerTick32;
        ulong low = (ticks & 0xffff_ffff) * s_nanosecondsPerTick32 >> 32;
        ulong now = high + low;
        if (now < s_last)
        {
            return s_last;
        }

        s_last = now;
        return now;
    }
}
