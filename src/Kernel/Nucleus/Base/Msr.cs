namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Model-specific registers (AMD64 Architecture Programmer's Manual volume 2, appendix A).</summary>
internal static class Msr
{
    public const uint ApicBase = 0x1b;
    public const uint Star = 0xc000_0081;

    /// <summary>The address that SYSCALL jumps to in 64-bit mode.</summary>
    public const uint LStar = 0xc000_0082;

    /// <summary>RFLAGS bits that SYSCALL clears.</summary>
    public const uint SFMask = 0xc000_0084;

    public const uint FsBase = 0xc000_0100;
}
