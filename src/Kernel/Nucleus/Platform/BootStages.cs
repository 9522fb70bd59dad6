using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Platform;

/// <summary>Time-stamp counter values at stages of the boot. No clock exists that early.</summary>
internal static class BootStages
{
    /// <summary>At the first managed instruction.</summary>
    public static ulong Started { get; private set; }

    /// <summary>When the nucleus is ready and the program's first instruction follows.</summary>
    public static ulong Ready { get; private set; }

    /// <summary><see cref="Clock.Now"/> at <see cref="Ready"/>, in nanoseconds.</summary>
    public static ulong ReadyTime { get; private set; }

    public static void Begin() => Started = Machine.ReadTsc();

    public static void NucleusReady()
    {
        Ready = Machine.ReadTsc();
        ReadyTime = Clock.Now();
    }
}
