using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// All registers of a thread, as the entry stubs save them and the resume stub loads them. A thread's frame lies at offset 0 of the thread.
/// The offsets come from <see cref="FrameLayout"/>, which the stubs are assembled from too.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct Frame
{
    /// <summary>Size in bytes: a multiple of 16, as FXSAVE requires.</summary>
    public const int Size = FrameLayout.Size;

    /// <summary>Selector of the only code segment (ring 0, 64-bit).</summary>
    public const ulong CodeSelector = Selectors.Code;

    /// <summary>Selector of the data and stack segment.</summary>
    public const ulong DataSelector = Selectors.Data;

    /// <summary>RFLAGS: the interrupt flag, and bit 1, which is always set.</summary>
    public const ulong InitialFlags = 0x202;

    /// <summary>RFLAGS bits that the program may change (status flags, DF, TF, AC, ID). The others belong to the nucleus.</summary>
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

    /// <summary>The exception or interrupt vector, or the number of a system call.</summary>
    [FieldOffset(FrameLayout.Vector)] public ulong Vector;

    /// <summary>The exception's error code, or <see cref="FrameLayout.ErrorCodeOfCall"/> for a system call.</summary>
    [FieldOffset(FrameLayout.ErrorCode)] public ulong ErrorCode;

    [FieldOffset(FrameLayout.Rip)] public ulong Rip;
    [FieldOffset(FrameLayout.Cs)] public ulong Cs;
    [FieldOffset(FrameLayout.Rflags)] public ulong Rflags;
    [FieldOffset(FrameLayout.Rsp)] public ulong Rsp;
    [FieldOffset(FrameLayout.Ss)] public ulong Ss;
    [FieldOffset(FrameLayout.Cr2)] public ulong Cr2;

    /// <summary>glibc's thread pointer. The scheduler loads it; the stubs do not.</summary>
    [FieldOffset(FrameLayout.FsBase)] public ulong FsBase;

    /// <summary>The FXSAVE image: x87, MXCSR and the SSE registers.</summary>
    [FieldOffset(FrameLayout.Fxsave)] public fixed byte FloatingPoint[512];

    /// <summary>Offset of MXCSR in the FXSAVE image (Intel SDM volume 1, table 10-2).</summary>
    public const int MxcsrOffset = 24;

    /// <summary>The MXCSR bits that FXRSTOR accepts. Any other bit raises #GP inside the nucleus.</summary>
    public const uint MxcsrMask = 0xffff;

    /// <summary>Sets the FXSAVE image to the state of a new Linux thread: all exceptions masked.</summary>
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
