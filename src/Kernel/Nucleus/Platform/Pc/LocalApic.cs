using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Platform.Pc;

/// <summary>
/// The local APIC and the 8259 controllers behind it, for timer and serial interrupts in QEMU's PVH boot. Under Xen, event channels do all
/// of this and the APIC stays off.
/// </summary>
internal static unsafe class LocalApic
{
    // Register offsets (Intel SDM volume 3, table 11-1).
    private const int EndOfInterruptRegister = 0xb0;
    private const int SpuriousVector = 0xf0;
    private const int TimerEntry = 0x320;
    private const int Line0 = 0x350;
    private const int InitialCount = 0x380;
    private const int CurrentCount = 0x390;
    private const int DivideConfiguration = 0x3e0;
    private const uint Masked = 1 << 16;
    private const uint ExternalInterrupt = 7 << 8;

    private const ushort MasterCommand = 0x20;
    private const ushort MasterData = 0x21;
    private const ushort SlaveCommand = 0xa0;
    private const ushort SlaveData = 0xa1;

    private static byte* s_registers;
    private static ulong s_ticksPerNanosecond32;

    /// <summary>
    /// Enables the APIC, unmasks the serial port's interrupt line, and calibrates the timer against <see cref="TscClock"/>.
    /// </summary>
    public static void Initialise()
    {
        const ulong enable = 1 << 11;
        ulong apicBase = Machine.ReadMsr(Msr.ApicBase);
        Machine.WriteMsr(Msr.ApicBase, apicBase | enable);
        s_registers = (byte*)DirectMap.MapDevicePage(apicBase & 0x000f_ffff_ffff_f000, uncached: true);
        Write(SpuriousVector, 0x100 | Vector.ApicSpurious);
        Write(Line0, ExternalInterrupt);
        InitialiseLegacyControllers();

        Write(DivideConfiguration, 0x3); // divide by 16
        Write(TimerEntry, Masked | Vector.ApicTimer);
        ulong start = TscClock.Now();
        Write(InitialCount, uint.MaxValue);
        ulong elapsed;
        do
        {
            elapsed = TscClock.Now() - start;
        }
        while (elapsed < 1_000_000);

        ulong ticks = uint.MaxValue - Read(CurrentCount);
        s_ticksPerNanosecond32 = (ticks << 32) / elapsed;
        Write(InitialCount, 0);
        Write(TimerEntry, Vector.ApicTimer);
    }

    /// <summary>Sets the one-shot timer. A deadline beyond the counter's range causes an early interrupt, which does no harm.</summary>
    public static void ArmTimer(ulong deadline)
    {
        ulong now = TscClock.Now();
        ulong wait = deadline > now ? Math.Min(deadline - now, 1_000_000_000) : 0;
        ulong ticks = (wait * s_ticksPerNanosecond32 >> 32) + 1;
        Write(InitialCount, (uint)Math.Min(ticks, uint.MaxValue));
    }

    public static void EndOfInterrupt() => Write(EndOfInterruptRegister, 0);

    /// <summary>Signals the end of an interrupt to the 8259s.</summary>
    public static void EndOfLegacyInterrupt(int line)
    {
        const byte nonSpecific = 0x20;
        if (line >= 8)
        {
            Machine.Out8(SlaveCommand, nonSpecific);
        }

        Machine.Out8(MasterCommand, nonSpecific);
    }

    private static void InitialiseLegacyControllers()
    {
        Machine.Out8(MasterCommand, 0x11);
        Machine.Out8(SlaveCommand, 0x11);
        Machine.Out8(MasterData, Vector.LegacyInterrupts);
        Machine.Out8(SlaveData, Vector.LegacyInterrupts + 8);
        Machine.Out8(MasterData, 4);
        Machine.Out8(SlaveData, 2);
        Machine.Out8(MasterData, 1);
        Machine.Out8(SlaveData, 1);
        Machine.Out8(MasterData, unchecked((byte)~(1 << SerialPort.InterruptLine)));
        Machine.Out8(SlaveData, 0xff);
    }

    private static uint Read(int register) => Volatile.Read(ref *(uint*)(s_registers + register));

    private static void Write(int register, uint value) => Volatile.Write(ref *(uint*)(s_registers + register), value);
}
