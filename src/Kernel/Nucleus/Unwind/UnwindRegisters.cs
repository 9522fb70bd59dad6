using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>
/// The registers that the unwinder tracks, under their DWARF numbers (System V AMD64 ABI, figure 3.36), which are not in encoding order.
/// </summary>
internal unsafe struct UnwindRegisters
{
    public const int Rax = 0;
    public const int Rdx = 1;
    public const int Rcx = 2;
    public const int Rbx = 3;
    public const int Rsi = 4;
    public const int Rdi = 5;
    public const int Rbp = 6;
    public const int Rsp = 7;
    public const int R8 = 8;
    public const int R12 = 12;
    public const int R13 = 13;
    public const int R14 = 14;
    public const int R15 = 15;

    /// <summary>The return address column: rip.</summary>
    public const int Rip = 16;

    /// <summary>The number of registers.</summary>
    public const int Count = 17;

    /// <summary>The values. Those that a function need not preserve (rax, rdi...) are the innermost frame's.</summary>
    public fixed ulong Values[Count];

    /// <summary>
    /// True if rip is the instruction that was running, as at an exception. False if it is a return address: the call before it may be the
    /// last instruction of its function.
    /// </summary>
    public bool IsExact;

    /// <summary>Loads the registers of an interrupted frame.</summary>
    public static void Load(UnwindRegisters* registers, Frame* frame)
    {
        Clear(registers);
        registers->Values[Rax] = frame->Rax;
        registers->Values[Rdx] = frame->Rdx;
        registers->Values[Rcx] = frame->Rcx;
        registers->Values[Rbx] = frame->Rbx;
        registers->Values[Rsi] = frame->Rsi;
        registers->Values[Rdi] = frame->Rdi;
        registers->Values[Rbp] = frame->Rbp;
        registers->Values[Rsp] = frame->Rsp;
        registers->Values[R12] = frame->R12;
        registers->Values[R13] = frame->R13;
        registers->Values[R14] = frame->R14;
        registers->Values[R15] = frame->R15;
        registers->Values[Rip] = frame->Rip;
        registers->IsExact = true;
    }

    /// <summary>
    /// Sets every register to 0. For <c>default</c> of a structure of this size, the compiler calls CoreLib, which the nucleus may not.
    /// </summary>
    public static void Clear(UnwindRegisters* registers)
    {
        for (int i = 0; i < Count; i++)
        {
            registers->Values[i] = 0;
        }

        registers->IsExact = false;
    }
}
