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
    [InlineData(nameof(SignalFrame.Restorer), 0)]
    [InlineData(nameof(SignalFrame.ContextFlags), Context)]
    [InlineData(nameof(SignalFrame.StackFlags), Context + 24)]
    [InlineData(nameof(SignalFrame.R8), MachineContext)]
    [InlineData(nameof(SignalFrame.R9), MachineContext + 8)]
    [InlineData(nameof(SignalFrame.R10), MachineContext + 16)]
    [InlineData(nameof(SignalFrame.R11), MachineContext + 24)]
    [InlineData(nameof(SignalFrame.R12), MachineContext + 32)]
    [InlineData(nameof(SignalFrame.R13), MachineContext + 40)]
    [InlineData(nameof(SignalFrame.R14), MachineContext + 48)]
    [InlineData(nameof(SignalFrame.R15), MachineContext + 56)]
    [InlineData(nameof(SignalFrame.Rdi), MachineContext + 64)]
    [InlineData(nameof(SignalFrame.Rsi), MachineContext + 72)]
    [InlineData(nameof(SignalFrame.Rbp), MachineContext + 80)]
    [InlineData(nameof(SignalFrame.Rbx), MachineContext + 88)]
    [InlineData(nameof(SignalFrame.Rdx), MachineContext + 96)]
    [InlineData(nameof(SignalFrame.Rax), MachineContext + 104)]
    [InlineData(nameof(SignalFrame.Rcx), MachineContext + 112)]
    [InlineData(nameof(SignalFrame.Rsp), MachineContext + 120)]
    [InlineData(nameof(SignalFrame.Rip), MachineContext + 128)]
    [InlineData(nameof(SignalFrame.Rflags), MachineContext + 136)]
    [InlineData(nameof(SignalFrame.Cs), MachineContext + 144)]
    [InlineData(nameof(SignalFrame.Gs), MachineContext + 146)]
    [InlineData(nameof(SignalFrame.Fs), MachineContext + 148)]
    [InlineData(nameof(SignalFrame.Ss), MachineContext + 150)]
    [InlineData(nameof(SignalFrame.ErrorCode), MachineContext + 152)]
    [InlineData(nameof(SignalFrame.TrapNumber), MachineContext + 160)]
    [InlineData(nameof(SignalFrame.OldMask), MachineContext + 168)]
    [InlineData(nameof(SignalFrame.Cr2), MachineContext + 176)]
    [InlineData(nameof(SignalFrame.FloatingPoint), MachineContext + 184)]
    [InlineData(nameof(SignalFrame.SignalMask), Context + 296)]
    [InlineData(nameof(SignalFrame.Signal), Info)]
    [InlineData(nameof(SignalFrame.Error), Info + 4)]
    [InlineData(nameof(SignalFrame.Code), Info + 8)]
    [InlineData(nameof(SignalFrame.FaultAddress), Info + 16)]
    [InlineData(nameof(SignalFrame.Sender), Info + 16)]
    public void A_field_lies_where_Linux_has_it(string field, int offset) =>
        Assert.Equal(offset, (int)Marshal.OffsetOf<SignalFrame>(field));

    [Fact]
    public void The_frame_ends_with_the_128_bytes_of_siginfo() => Assert.Equal(Info + 128, Marshal.SizeOf<SignalFrame>());

    /// <summary>struct kernel_sigaction: handler, flags, restorer, mask.</summary>
    [Theory]
    [InlineData(nameof(SignalAction.Handler), 0)]
    [InlineData(nameof(SignalAction.Flags), 8)]
    [InlineData(nameof(SignalAction.Restorer), 16)]
    [InlineData(nameof(SignalAction.Mask), 24)]
    public void An_action_lies_where_Linux_has_it(string field, int offset) =>
        Assert.Equal(offset, (int)Marshal.OffsetOf<SignalAction>(field));
}
