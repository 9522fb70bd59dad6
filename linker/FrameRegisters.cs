using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>Which register lies where in a frame; of the general ones all but rsp, which <c>iretq</c> loads.</summary>
internal static class FrameRegisters
{
    /// <summary>General registers and their offsets, rising.</summary>
    public static IReadOnlyList<(AssemblerRegister64 Register, int Offset)> General { get; } =
    [
        (r15, FrameLayout.R15), (r14, FrameLayout.R14), (r13, FrameLayout.R13), (r12, FrameLayout.R12),
        (rbp, FrameLayout.Rbp), (rbx, FrameLayout.Rbx), (r11, FrameLayout.R11), (r10, FrameLayout.R10),
        (r9, FrameLayout.R9), (r8, FrameLayout.R8), (rax, FrameLayout.Rax), (rcx, FrameLayout.Rcx),
        (rdx, FrameLayout.Rdx), (rsi, FrameLayout.Rsi), (rdi, FrameLayout.Rdi),
    ];

    /// <summary>The xmm registers and their offsets.</summary>
    public static IReadOnlyList<(AssemblerRegisterXMM Register, int Offset)> Xmm { get; } =
    [
        .. new[] { xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15 }
            .Select((register, index) => (register, FrameLayout.Xmm + (16 * index))),
    ];
}
