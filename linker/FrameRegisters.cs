using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>Which general register lies where in a frame; all but rsp, which <c>iretq</c> loads.</summary>
internal static class FrameRegisters
{
    /// <summary>Registers and their offsets, rising.</summary>
    public static IReadOnlyList<(AssemblerRegister64 Register, int Offset)> General { get; } =
    [
        (r15, FrameLayout.R15), (r14, FrameLayout.R14), (r13, FrameLayout.R13), (r12, FrameLayout.R12),
        (rbp, FrameLayout.Rbp), (rbx, FrameLayout.Rbx), (r11, FrameLayout.R11), (r10, FrameLayout.R10),
        (r9, FrameLayout.R9), (r8, FrameLayout.R8), (rax, FrameLayout.Rax), (rcx, FrameLayout.Rcx),
        (rdx, FrameLayout.Rdx), (rsi, FrameLayout.Rsi), (rdi, FrameLayout.Rdi),
    ];
}
