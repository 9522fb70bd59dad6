using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Abi;

/// <summary>The argument and result of rt_sigaction (asm/signal.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct sigaction
{
    public ulong sa_handler;
    public ulong sa_flags;
    public ulong sa_restorer;
    public ulong sa_mask;
}

/// <summary>What a handler finds on the program's stack (arch/x86/include/asm/sigframe.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct rt_sigframe
{
    /// <summary>The handler's return address: the restorer, which calls rt_sigreturn.</summary>
    public ulong pretcode;

    public ucontext uc;
    public siginfo_t info;
}

/// <summary>The interrupted state (asm-generic/ucontext.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ucontext
{
    public ulong uc_flags;
    public ulong uc_link;
    public stack_t uc_stack;
    public sigcontext_64 uc_mcontext;

    /// <summary>The signals blocked after the handler has returned.</summary>
    public ulong uc_sigmask;
}

/// <summary>An alternate stack (asm/signal.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct stack_t
{
    public ulong ss_sp;
    public int ss_flags;
    public ulong ss_size;
}

/// <summary>The interrupted registers (asm/sigcontext.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct sigcontext_64
{
    public ulong r8;
    public ulong r9;
    public ulong r10;
    public ulong r11;
    public ulong r12;
    public ulong r13;
    public ulong r14;
    public ulong r15;
    public ulong di;
    public ulong si;
    public ulong bp;
    public ulong bx;
    public ulong dx;
    public ulong ax;
    public ulong cx;
    public ulong sp;
    public ulong ip;
    public ulong flags;
    public ushort cs;
    public ushort gs;
    public ushort fs;
    public ushort ss;
    public ulong err;
    public ulong trapno;
    public ulong oldmask;
    public ulong cr2;

    /// <summary>Address of the FXSAVE image, a multiple of 64.</summary>
    public ulong fpstate;

    public fixed ulong reserved1[8];
}

/// <summary>
/// Why a signal arrived (asm-generic/siginfo.h). Of the union, only the nucleus's values: the sender, or a fault's address.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal struct siginfo_t
{
    [FieldOffset(0)] public int si_signo;
    [FieldOffset(4)] public int si_errno;
    [FieldOffset(8)] public int si_code;
    [FieldOffset(16)] public int si_pid;
    [FieldOffset(20)] public int si_uid;
    [FieldOffset(16)] public ulong si_addr;
}
