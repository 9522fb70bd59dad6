using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Signals;

/// <summary>struct rt_sigframe of Linux (arch/x86/include/asm/sigframe.h): what a signal handler finds on the program's stack.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct SignalFrame
{
    public const int Size = 8 + 304 + 128;

    /// <summary>The return address of the handler: the registered restorer, which calls rt_sigreturn.</summary>
    [FieldOffset(0)] public ulong Restorer;

    /// <summary>struct ucontext begins here: uc_flags, uc_link, uc_stack.</summary>
    [FieldOffset(8)] public ulong ContextFlags;

    [FieldOffset(8 + 16 + 8)] public int StackFlags;

    // struct sigcontext_64 (asm/sigcontext.h), at offset 40 of ucontext.
    [FieldOffset(48)] public ulong R8;
    [FieldOffset(56)] public ulong R9;
    [FieldOffset(64)] public ulong R10;
    [FieldOffset(72)] public ulong R11;
    [FieldOffset(80)] public ulong R12;
    [FieldOffset(88)] public ulong R13;
    [FieldOffset(96)] public ulong R14;
    [FieldOffset(104)] public ulong R15;
    [FieldOffset(112)] public ulong Rdi;
    [FieldOffset(120)] public ulong Rsi;
    [FieldOffset(128)] public ulong Rbp;
    [FieldOffset(136)] public ulong Rbx;
    [FieldOffset(144)] public ulong Rdx;
    [FieldOffset(152)] public ulong Rax;
    [FieldOffset(160)] public ulong Rcx;
    [FieldOffset(168)] public ulong Rsp;
    [FieldOffset(176)] public ulong Rip;
    [FieldOffset(184)] public ulong Rflags;
    [FieldOffset(192)] public ushort Cs;
    [FieldOffset(194)] public ushort Gs;
    [FieldOffset(196)] public ushort Fs;
    [FieldOffset(198)] public ushort Ss;
    [FieldOffset(200)] public ulong ErrorCode;
    [FieldOffset(208)] public ulong TrapNumber;
    [FieldOffset(216)] public ulong OldMask;
    [FieldOffset(224)] public ulong Cr2;

    /// <summary>Address of the FXSAVE image, 64-byte aligned.</summary>
    [FieldOffset(232)] public ulong FloatingPoint;

    /// <summary>uc_sigmask: what is blocked once the handler has returned.</summary>
    [FieldOffset(304)] public ulong SignalMask;

    // siginfo_t (asm-generic/siginfo.h).
    [FieldOffset(312)] public int Signal;
    [FieldOffset(316)] public int Error;
    [FieldOffset(320)] public int Code;
    [FieldOffset(328)] public ulong FaultAddress;

    /// <summary>si_pid, in the same place: a signal is either a fault's or somebody's.</summary>
    [FieldOffset(328)] public int Sender;

    /// <summary>Bytes from the frame's start to its ucontext: the restorer's return address is popped when rt_sigreturn is called.</summary>
    public const ulong ContextOffset = 8;

    /// <summary>Bytes from the frame's start to its siginfo_t.</summary>
    public const ulong InfoOffset = 312;
}
