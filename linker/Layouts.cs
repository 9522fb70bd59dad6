namespace Xenlet.Linker;

/// <summary>
/// Offsets in the nucleus's <c>Frame</c>: a thread's registers, at offset 0 of its <c>Thread</c>. The last five words before
/// <see cref="Cr2"/> lie as <c>iretq</c> pops them.
/// </summary>
public static class FrameLayout
{
    /// <summary>General registers.</summary>
    public const int R15 = 0, R14 = 8, R13 = 16, R12 = 24, Rbp = 32, Rbx = 40, R11 = 48, R10 = 56, R9 = 64, R8 = 72,
        Rax = 80, Rcx = 88, Rdx = 96, Rsi = 104, Rdi = 112;

    /// <summary>Interrupt or exception vector, or the number of a system call.</summary>
    public const int Vector = 120;

    /// <summary>Error code; all ones for a system call.</summary>
    public const int ErrorCode = 128;

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

/// <summary>Offsets in the per-CPU block <c>xenlet_cpu</c>, which the GS base points at from boot on.</summary>
public static class CpuLayout
{
    /// <summary>The running thread, and so its frame.</summary>
    public const int Current = 0;

    /// <summary>Top of the nucleus's stack.</summary>
    public const int NucleusStackTop = 8;

    /// <summary>1 while the nucleus runs, 0 while the program does.</summary>
    public const int InNucleus = 16;

    /// <summary>Where the system call entry keeps the program's rsp for a moment.</summary>
    public const int Scratch = 24;

    /// <summary>1 while a non-maskable interrupt that hit the nucleus waits to be reported.</summary>
    public const int NmiPending = 32;

    /// <summary>What <see cref="InNucleus"/> was when a non-maskable interrupt came.</summary>
    public const int NmiInNucleus = 40;

    /// <summary>1 when x87 and MXCSR of <see cref="Current"/> are in the processor alone, since a system call: its frame has the xmm registers only.</summary>
    public const int FloatingPointIsLive = 48;

    /// <summary>Bytes in all.</summary>
    public const int Size = 64;
}

/// <summary>Selectors of <c>xenlet_boot_gdt</c> and <c>xenlet_gdt</c>.</summary>
public static class Selectors
{
    /// <summary>64-bit code, ring 0.</summary>
    public const int Code = 0x08;

    /// <summary>Data, ring 0.</summary>
    public const int Data = 0x10;

    /// <summary>Task state segment.</summary>
    public const int TaskState = 0x18;
}
