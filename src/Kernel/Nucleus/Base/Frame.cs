using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Every register of a thread, as the entry stubs save them and the resume stub loads them. It lies at offset 0 of a
/// thread. The offsets are <see cref="FrameLayout"/>'s, which the stubs are assembled from as well.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct Frame
{
    /// <summary>Bytes of a frame; a multiple of 16, as FXSAVE needs.</summary>
    public const int Size = FrameLayout.Size;

    /// <summary>Selector of the only code segment: ring 0, 64 bits.</summary>
    public const ulong CodeSelector = Selectors.Code;

    /// <summary>Selector of the data and stack segment.</summary>
    public const ulong DataSelector = Selectors.Data;

    /// <summary>RFLAGS: interrupts on, and the bit that is always one.</summary>
    public const ulong InitialFlags = 0x202;

    /// <summary>RFLAGS bits that program code may change (status flags, DF, TF, AC, ID); all others are the nucleus's.</summary>
    public const ulong ProgramFlags = 0x0024_0dd5;

    [FieldOffset(FrameLayout.R15)] public ulong R15;
    [FieldOffset(FrameLayout.R14)] public ulong R14;
    [FieldOffset(FrameLayout.R13)] public ulong R13;
    [FieldOffset(FrameLayout.R12)] public ulong R12;
    [FieldOffset(FrameLayout.Rbp)] public ulong Rbp;
    [FieldOffset(FrameLayout.Rbx)] public ulong Rbx;
    [FieldOffset(FrameLayout.R11)] public ulong R11;
    [FieldOffset(FrameLayout.R10)] public ulong R10;
    [FieldOffset(FrameLayout.R9)] public ulong R9;
    [FieldOffset(FrameLayout.R8)] public ulong R8;
    [FieldOffset(FrameLayout.Rax)] public ulong Rax;
    [FieldOffset(FrameLayout.Rcx)] public ulong Rcx;
    [FieldOffset(FrameLayout.Rdx)] public ulong Rdx;
    [FieldOffset(FrameLayout.Rsi)] public ulong Rsi;
    [FieldOffset(FrameLayout.Rdi)] public ulong Rdi;

    /// <summary>The exception or interrupt vector; for a system call its number.</summary>
    [FieldOffset(FrameLayout.Vector)] public ulong Vector;

    /// <summary>The exception's error code; <see cref="FrameLayout.ErrorCodeOfCall"/> for a system call.</summary>
    [FieldOffset(FrameLayout.ErrorCode)] public ulong ErrorCode;

    [FieldOffset(FrameLayout.Rip)] public ulong Rip;
    [FieldOffset(FrameLayout.Cs)] public ulong Cs;
    [FieldOffset(FrameLayout.Rflags)] public ulong Rflags;
    [FieldOffset(FrameLayout.Rsp)] public ulong Rsp;
    [FieldOffset(FrameLayout.Ss)] public ulong Ss;
    [FieldOffset(FrameLayout.Cr2)] public ulong Cr2;

    /// <summary>The thread pointer of glibc. Loaded by the scheduler, not by the stubs.</summary>
    [FieldOffset(FrameLayout.FsBase)] public ulong FsBase;

    /// <summary>The FXSAVE image: x87, MXCSR and the SSE registers.</summary>
    [FieldOffset(FrameLayout.Fxsave)] public fixed byte FloatingPoint[512];

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
