namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Offsets in <c>xenlet_clock</c>, from which the program's <c>clock_gettime</c> and the nucleus compute the same time. This file is
/// compiled into the nucleus and into the linker that assembles <c>clock_gettime</c>.
/// </summary>
internal static class ClockLayout
{
    /// <summary>Address of Xen's clock record of the boot processor (struct vcpu_time_info); 0 without Xen.</summary>
    public const int Record = 0;

    /// <summary>Address of Xen's wall clock: wc_version of struct shared_info.</summary>
    public const int WallClock = 8;

    /// <summary>
    /// Changes with each resume. Values read from the records before a resume are then invalid, even if the version is the same.
    /// </summary>
    public const int Generation = 16;

    /// <summary>Added to Xen's system time, in nanoseconds.</summary>
    public const int Offset = 24;

    /// <summary>The latest time returned, in nanoseconds.</summary>
    public const int Last = 32;

    /// <summary>Size in bytes.</summary>
    public const int Size = 64;
}
