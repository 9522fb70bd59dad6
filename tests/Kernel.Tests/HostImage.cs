using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus;

/// <summary>Addresses of the image, of which the host has none: numbers that a test recognises and never goes to.</summary>
internal static unsafe class Image
{
    public const ulong Idle = 0x20_1000;

    public const ulong ResumeChecked = 0x20_2010;

    public const ulong ResumeReturn = 0x20_2080;

    private static readonly PerCpu* TheCpu = (PerCpu*)NativeMemory.AllocZeroed((nuint)sizeof(PerCpu));

    public static PerCpu* Cpu => TheCpu;

    /// <summary>What only the nucleus may touch.</summary>
    public const ulong NucleusData = 0x2f_0000;

    public const ulong NucleusDataEnd = 0x2f_8000;

    /// <summary>Where a test has put call frame information into <see cref="ProbeMemory"/>; at 0 there is none.</summary>
    public static ulong UnwindTable { get; set; }
}

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

/// <summary>The host has no image whose calls could be named.</summary>
internal static unsafe class Backtrace
{
    /// <summary>Where the calls begin that would be shown, in the log of the host.</summary>
    public static void FromFrame(Frame* frame)
    {
        Assert.True(frame != null);
        KernelLog.Write("  at "u8);
        KernelLog.WriteHex(frame->Rip);
        KernelLog.NewLine();
    }
}
