using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Tests;

/// <summary>
/// Offsets of struct ucontext (asm-generic/ucontext.h), struct sigcontext (asm/sigcontext.h of x86, the 64-bit one) and siginfo_t
/// (asm-generic/siginfo.h), as compiled on x86-64 Linux.
/// </summary>
public sealed class SignalFrameTests
{
    // struct rt_sigframe: the restorer's address, then the ucontext.
    private const int Context = 8;

    // uc_flags, uc_link, uc_stack: 8 + 8 + 24 bytes.
    private const int MachineContext = Context + 40;

    // sizeof(struct ucontext) of the kernel is 304: 40, 256 of sigcontext, 8 of sigset_t.
    private const int Info = Context + 304;

    [Theory]
    [InlineData("pretcode", 0)]
    [InlineData("uc.uc_flags", Context)]
    [InlineData("uc.uc_stack.ss_flags", Context + 24)]
    [InlineData("uc.uc_mcontext.r8", MachineContext)]
    [InlineData("uc.uc_mcontext.r9", MachineContext + 8)]
    [InlineData("uc.uc_mcontext.r10", MachineContext + 16)]
    [InlineData("uc.uc_mcontext.r11", MachineContext + 24)]
    [InlineData("uc.uc_mcontext.r12", MachineContext + 32)]
    [InlineData("uc.uc_mcontext.r13", MachineContext + 40)]
    [InlineData("uc.uc_mcontext.r14", MachineContext + 48)]
    [InlineData("uc.uc_mcontext.r15", MachineContext + 56)]
    [InlineData("uc.uc_mcontext.di", MachineContext + 64)]
    [InlineData("uc.uc_mcontext.si", MachineContext + 72)]
    [InlineData("uc.uc_mcontext.bp", MachineContext + 80)]
    [InlineData("uc.uc_mcontext.bx", MachineContext + 88)]
    [InlineData("uc.uc_mcontext.dx", MachineContext + 96)]
    [InlineData("uc.uc_mcontext.ax", MachineContext + 104)]
    [InlineData("uc.uc_mcontext.cx", MachineContext + 112)]
    [InlineData("uc.uc_mcontext.sp", MachineContext + 120)]
    [InlineData("uc.uc_mcontext.ip", MachineContext + 128)]
    [InlineData("uc.uc_mcontext.flags", MachineContext + 136)]
    [InlineData("uc.uc_mcontext.cs", MachineContext + 144)]
    [InlineData("uc.uc_mcontext.gs", MachineContext + 146)]
    [InlineData("uc.uc_mcontext.fs", MachineContext + 148)]
    [InlineData("uc.uc_mcontext.ss", MachineContext + 150)]
    [InlineData("uc.uc_mcontext.err", MachineContext + 152)]
    [InlineData("uc.uc_mcontext.trapno", MachineContext + 160)]
    [InlineData("uc.uc_mcontext.oldmask", MachineContext + 168)]
    [InlineData("uc.uc_mcontext.cr2", MachineContext + 176)]
    [InlineData("uc.uc_mcontext.fpstate", MachineContext + 184)]
    [InlineData("uc.uc_sigmask", Context + 296)]
    [InlineData("info.si_signo", Info)]
    [InlineData("info.si_errno", Info + 4)]
    [InlineData("info.si_code", Info + 8)]
    [InlineData("info.si_addr", Info + 16)]
    [InlineData("info.si_pid", Info + 16)]
    public void A_field_lies_where_Linux_has_it(string field, int offset) =>
        Assert.Equal(offset, Offset(typeof(rt_sigframe), field.Split('.')));

    [Fact]
    public void The_frame_ends_with_the_128_bytes_of_siginfo() => Assert.Equal(Info + 128, Marshal.SizeOf<rt_sigframe>());

    /// <summary>struct kernel_sigaction: handler, flags, restorer, mask.</summary>
    [Theory]
    [InlineData(nameof(sigaction.sa_handler), 0)]
    [InlineData(nameof(sigaction.sa_flags), 8)]
    [InlineData(nameof(sigaction.sa_restorer), 16)]
    [InlineData(nameof(sigaction.sa_mask), 24)]
    public void An_action_lies_where_Linux_has_it(string field, int offset) =>
        Assert.Equal(offset, (int)Marshal.OffsetOf<sigaction>(field));

    private static int Offset(Type structure, ReadOnlySpan<string> path) => (int)Marshal.OffsetOf(structure, path[0])
        + (path.Length == 1 ? 0 : Offset(structure.GetField(path[0])!.FieldType, path[1..]));
}
