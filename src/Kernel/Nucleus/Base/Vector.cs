namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>The processor's exception vectors and the interrupt vectors that the nucleus assigns.</summary>
internal static class Vector
{
    public const int DivideError = 0;
    public const int Debug = 1;
    public const int Nmi = 2;
    public const int Breakpoint = 3;
    public const int InvalidOpcode = 6;
    public const int DoubleFault = 8;
    public const int SegmentNotPresent = 11;
    public const int StackFault = 12;
    public const int GeneralProtection = 13;
    public const int PageFault = 14;
    public const int FloatingPoint = 16;
    public const int AlignmentCheck = 17;
    public const int MachineCheck = 18;
    public const int SimdFloatingPoint = 19;

    /// <summary>The first vector after the processor's exceptions.</summary>
    public const int FirstInterrupt = 32;

    /// <summary>Xen's event-channel upcall (HVM_PARAM_CALLBACK_IRQ).</summary>
    public const int EventChannelUpcall = 0x30;

    /// <summary>The local APIC's timer, used only without Xen.</summary>
    public const int ApicTimer = 0x31;

    /// <summary>The first of the sixteen lines of the two 8259 interrupt controllers, used only without Xen.</summary>
    public const int LegacyInterrupts = 0x40;

    /// <summary>The local APIC's spurious interrupt.</summary>
    public const int ApicSpurious = 0xff;
}
