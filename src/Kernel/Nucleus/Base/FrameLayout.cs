namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Offsets in <c>Frame</c>, which holds a thread's registers at offset 0 of its <c>Thread</c>. This file is compiled into the nucleus and
/// into the linker that assembles the entry stubs. The last five words before <see cref="Cr2"/> are in the order in which <c>iretq</c> pops
/// them.
/// </summary>
internal static class FrameLayout
{
    /// <summary>General-purpose registers.</summary>
    public const int R15 = 0, R14 = 8, R13 = 16, R12 = 24, Rbp = 32, Rbx = 40, R11 = 48, R10 = 56, R9 = 64, R8 = 72,
        Rax = 80, Rcx = 88, Rdx = 96, Rsi = 104, Rdi = 112;

    /// <summary>Interrupt or exception vector, or the number of a system call.</summary>
    public const int Vector = 120;

    /// <summary>Error code, or <see cref="ErrorCodeOfCall"/> for a system call.</summary>
    public const int ErrorCode = 128;

    /// <summary>
    /// Marks the frame of a system call: an exception's error code has only 32 bits. The program does not expect rcx and r11 of such a
    /// frame to be restored.
    /// </summary>
    public const int ErrorCodeOfCall = -1;

    /// <summary>The words that <c>iretq</c> pops, in its order.</summary>
    public const int Rip = 136, Cs = 144, Rflags = 152, Rsp = 160, Ss = 168;

    /// <summary>The address of the last page fault.</summary>
    public const int Cr2 = 176;

    /// <summary>The thread's FS base. Only the nucleus's C# code uses it; no stub does.</summary>
    public const int FsBase = 184;

    /// <summary>The 512-byte image of <c>fxsave64</c>.</summary>
    public const int Fxsave = 192;

    /// <summary>xmm0 in that image. The other registers follow, 16 bytes each (Intel SDM volume 1, table 10-2).</summary>
    public const int Xmm = Fxsave + 160;

    /// <summary>Size in bytes.</summary>
    public const int Size = 704;
}
