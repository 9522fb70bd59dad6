using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>The place of each register in a frame. Of the general-purpose registers, rsp is missing, which <c>iretq</c> loads.</summary>
internal static class FrameRegisters
{
    /// <summary>General-purpose registers and their offsets, ascending.</summary>
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

    /// <summary>
    /// Saves the xmm registers, which compiled C# uses freely, in the nucleus as in the program. The nucleus uses only integers, so x87 and
    /// MXCSR stay in the processor unless another thread is chosen: fxsave64 and fxrstor64 would take most of the time of a short call.
    /// </summary>
    /// <param name="c">Receives the instructions.</param>
    /// <param name="frame">The register that holds the address of the current thread's frame.</param>
    public static void SaveXmm(Assembler c, AssemblerRegister64 frame)
    {
        foreach ((AssemblerRegisterXMM register, int offset) in Xmm)
        {
            c.movaps(__xmmword_ptr[frame + offset], register);
        }

        c.mov(__qword_ptr.gs[CpuLayout.FloatingPointIsLive], 1);
    }

    /// <summary>Loads the xmm registers.</summary>
    /// <param name="c">Receives the instructions.</param>
    /// <param name="frame">The register that holds the address of the frame.</param>
    public static void LoadXmm(Assembler c, AssemblerRegister64 frame)
    {
        foreach ((AssemblerRegisterXMM register, int offset) in Xmm)
        {
            c.movaps(register, __xmmword_ptr[frame + offset]);
        }
    }
}
