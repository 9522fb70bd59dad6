namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Offsets in <c>Frame</c>: a thread's registers, at offset 0 of its <c>Thread</c>. Compiled into the nucleus, and into the linker that
/// assembles the entries. The last five words before
/// <see cref="Cr2"/> lie as <c>iretq</c> pops them.
/// </summary>
internal static class FrameLayout
{
    /// <summary>General registers.</summary>
    public const int R15 = 0, R14 = 8, R13 = 16, R12 = 24, Rbp = 32, Rbx = 40, R11 = 48, R10 = 56, R9 = 64, R8 = 72,
        Rax = 80, Rcx = 88, Rdx = 96, Rsi = 104, Rdi = 112;

    /// <summary>Interrupt or exception vector, or the number of a system call.</summary>
    public const int Vector = 120;

    /// <summary>Error code; <see cref="ErrorCodeOfCall"/> for a system call.</summary>
    public const int ErrorCode = 128;

    /// <summary>
    /// Stands for a system call, and is no exception's, which has 32 bits: rcx and r11 of such a frame mean nothing to the program.
    /// </summary>
    public const int ErrorCodeOfCall = -1;

    /// <summary>What <c>iretq</c> pops, in its order.</summary>
    public const int Rip = 136, Cs = 144, Rflags = 152, Rsp = 160, Ss = 168;

    /// <summary>The address of the last page fault.</summary>
    public const int Cr2 = 176;

    /// <summary>The thread's FS base. It belongs to the nucleus's C# code; no stub touches it.</summary>
    public const int FsBase = 184;

    /// <summary>The 512 bytes of <c>fxsave64</c>.</summary>
    public const int Fxsave = 192;

    /// <summary>xmm0 among them; the others follow, 16 bytes each (Intel SDM volume 1, table 10-2).</summary>
    public const int Xmm = Fxsave + 160;

    /// <summary>Bytes in all.</summary>
    public const int Size = 704;
}
