using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Addresses of the image, which the host does not have: numbers that a test recognises and never dereferences.</summary>
internal static unsafe class Image
{
    public const ulong Idle = 0x20_1000;

    public const ulong ResumeChecked = 0x20_2010;

    public const ulong ResumeReturn = 0x20_2080;

    public const ulong CallReturnChecked = 0x20_2110;

    public const ulong CallReturnStack = 0x20_2180;

    public const ulong CallReturnJump = 0x20_2183;

    private static readonly PerCpu* TheCpu = (PerCpu*)NativeMemory.AllocZeroed((nuint)sizeof(PerCpu));

    private static readonly ClockRecord* TheClock = (ClockRecord*)NativeMemory.AllocZeroed((nuint)sizeof(ClockRecord));

    public static PerCpu* Cpu => TheCpu;

    public static ClockRecord* Clock => TheClock;

    /// <summary>What only the nucleus may touch.</summary>
    public const ulong NucleusData = 0x2f_0000;

    public const ulong NucleusDataEnd = 0x2f_8000;

    /// <summary>Whether this is an image of tests.</summary>
    public static bool HasTestCalls { get; set; }

    public static bool UsesSockets { get; set; }

    /// <summary>What the image has of files: nothing, unless a test has put a section here.</summary>
    public static ulong Files { get; set; }

    public static ulong FilesEnd { get; set; }

    /// <summary>Where a test has put call frame information into <see cref="ProbeMemory"/>; at 0 there is none.</summary>
    public static ulong FrameTable { get; set; }

    /// <summary>The table of methods, if a test has one.</summary>
    public static void* MethodTable { get; set; }
}
