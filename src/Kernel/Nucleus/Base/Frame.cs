using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Every register of a thread, as the entry stubs save them and the resume stub loads them. It lies at offset 0 of a
/// thread. The offsets are a contract with <c>linker/</c>, whose tests hold the same table.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct Frame
{
    /// <summary>Bytes of a frame; a multiple of 16, as FXSAVE needs.</summary>
    public const int Size = 704;

    /// <summary>Selector of the only code segment: ring 0, 64 bits.</summary>
    public const ulong CodeSelector = 0x08;

    /// <summary>Selector of the data and stack segment.</summary>
    public const ulong DataSelector = 0x10;

    /// <summary>RFLAGS: interrupts on, and the bit that is always one.</summary>
    public const ulong InitialFlags = 0x202;

    /// <summary>RFLAGS bits that program code may change (status flags, DF, TF, AC, ID); all others are the nucleus's.</summary>
    public const ulong ProgramFlags = 0x0024_0dd5;

    [FieldOffset(0)] public ulong R15;
    [FieldOffset(8)] public ulong R14;
    [FieldOffset(16)] public ulong R13;
    [FieldOffset(24)] public ulong R12;
    [FieldOffset(32)] public ulong Rbp;
    [FieldOffset(40)] public ulong Rbx;
    [FieldOffset(48)] public ulong R11;
    [FieldOffset(56)] public ulong R10;
    [FieldOffset(64)] public ulong R9;
    [FieldOffset(72)] public ulong R8;
    [FieldOffset(80)] public ulong Rax;
    [FieldOffset(88)] public ulong Rcx;
    [FieldOffset(96)] public ulong Rdx;
    [FieldOffset(104)] public ulong Rsi;
    [FieldOffset(112)] public ulong Rdi;

    /// <summary>The exception or interrupt vector; for a system call its number.</summary>
    [FieldOffset(120)] public ulong Vector;

    /// <summary>The exception's error code; all ones for a system call.</summary>
    [FieldOffset(128)] public ulong ErrorCode;

    [FieldOffset(136)] public ulong Rip;
    [FieldOffset(144)] public ulong Cs;
    [FieldOffset(152)] public ulong Rflags;
    [FieldOffset(160)] public ulong Rsp;
    [FieldOffset(168)] public ulong Ss;
    [FieldOffset(176)] public ulong Cr2;

    /// <summary>The thread pointer of glibc. Loaded by the scheduler, not by the stubs.</summary>
    [FieldOffset(184)] public ulong FsBase;

    /// <summary>The FXSAVE image: x87, MXCSR and the SSE registers.</summary>
    [FieldOffset(192)] public fixed byte FloatingPoint[512];

    /// <summary>Offset of MXCSR in the FXSAVE image (Intel SDM volume 1, table 10-2).</summary>
    public const int MxcsrOffset = 24;

    /// <summary>MXCSR bits that FXRSTOR accepts; others raise #GP inside the nucleus.</summary>
    public const uint MxcsrMask = 0xffff;

    /// <summary>Sets the FXSAVE image to what a new Linux thread starts with: all exceptions masked.</summary>
    public void ResetFloatingPoint()
    {
        fixed (byte* image = FloatingPoint)
        {
            Machine.Fill(image, 0, 512);
            *(ushort*)image = 0x37f;
            *(uint*)(image + MxcsrOffset) = 0x1f80;
        }
    }
}
