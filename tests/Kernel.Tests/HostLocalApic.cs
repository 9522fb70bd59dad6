namespace Xenlet.Kernel.Nucleus.Platform.Pc;

/// <summary>The local APIC on the host: what the timer was armed for.</summary>
internal static class LocalApic
{
    /// <summary>The deadlines that the timer was set to since <see cref="Reset"/>, in order.</summary>
    public static List<ulong> Armed { get; } = [];

    /// <summary>Interrupts that were acknowledged.</summary>
    public static int EndsOfInterrupt { get; private set; }

    public static void Reset()
    {
        Armed.Clear();
        EndsOfInterrupt = 0;
    }

    public static void ArmTimer(ulong deadline) => Armed.Add(deadline);

    public static void EndOfInterrupt() => EndsOfInterrupt++;

    public static void EndOfLegacyInterrupt(int line)
    {
        Assert.Equal(SerialPort.InterruptLine, line);
        EndsOfInterrupt++;
    }
}
