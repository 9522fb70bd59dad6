namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>Memory that a program needs in addition to the image.</summary>
internal static class RuntimeMemory
{
    /// <summary>
    /// Free memory, in bytes, that the .NET runtime needs to start and run a small Main: its threads' stacks, the collector's first regions
    /// and tables, glibc's heap. Measured with samples/Hello.
    /// </summary>
    public const ulong Needed = 3 << 20;
}
