using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Platform;

/// <summary>When boot reached each stage, as time-stamp counts: a clock exists only later.</summary>
internal static class BootStages
{
    /// <summary>The first managed instruction.</summary>
    public static ulong Started { get; private set; }

    /// <summary>The nucleus is done and the program's first instruction follows.</summary>
    public static ulong Ready { get; private set; }

    /// <summary><see cref="Clock.Now"/> at <see cref="Ready"/>, nanoseconds.</summary>
    public static ulong ReadyTime { get; private set; }

    public static void Begin() => Started = Machine.ReadTsc();

    public static void NucleusReady()
    {
        Ready = Machine.ReadTsc();
        ReadyTime = Clock.Now();
    }
}
