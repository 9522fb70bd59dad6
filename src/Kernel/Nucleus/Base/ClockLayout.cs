namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Offsets in <c>xenlet_clock</c>, of which the program's <c>clock_gettime</c> and the nucleus tell the same time. Compiled into the
/// nucleus, and into the linker that assembles <c>clock_gettime</c>.
/// </summary>
internal static class ClockLayout
{
    /// <summary>Address of Xen's clock record of the boot processor (struct vcpu_time_info); 0 without Xen.</summary>
    public const int Record = 0;

    /// <summary>Address of Xen's wall clock: wc_version of struct shared_info.</summary>
    public const int WallClock = 8;

    /// <summary>
    /// Another number after each resume: what was read of the records before means nothing then, even if the version is the same.
    /// </summary>
    public const int Generation = 16;

    /// <summary>What is added to Xen's system time, nanoseconds.</summary>
    public const int Offset = 24;

    /// <summary>The latest time that was told, nanoseconds.</summary>
    public const int Last = 32;

    /// <summary>Bytes in all.</summary>
    public const int Size = 64;
}
