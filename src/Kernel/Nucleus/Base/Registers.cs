namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Writes a frame's registers to the log.</summary>
internal static unsafe class Registers
{
    public static void Write(Frame* frame)
    {
        Pair("  rip "u8, frame->Rip, "  rsp "u8, frame->Rsp, "  flags "u8, frame->Rflags);
        Pair("  rax "u8, frame->Rax, "  rbx "u8, frame->Rbx, "  rcx   "u8, frame->Rcx);
        Pair("  rdx "u8, frame->Rdx, "  rsi "u8, frame->Rsi, "  rdi   "u8, frame->Rdi);
        Pair("  rbp "u8, frame->Rbp, "  r8  "u8, frame->R8, "  r9    "u8, frame->R9);
        Pair("  r10 "u8, frame->R10, "  r11 "u8, frame->R11, "  r12   "u8, frame->R12);
        Pair("  r13 "u8, frame->R13, "  r14 "u8, frame->R14, "  r15   "u8, frame->R15);
        Pair("  cr2 "u8, frame->Cr2, "  err "u8, frame->ErrorCode, "  fs    "u8, frame->FsBase);
    }

    private static void Pair(
        ReadOnlySpan<byte> name1, ulong value1, ReadOnlySpan<byte> name2, ulong value2, ReadOnlySpan<byte> name3, ulong value3)
    {
        KernelLog.Write(name1);
        KernelLog.WriteHex(value1);
        KernelLog.Write(name2);
        KernelLog.WriteHex(value2);
        KernelLog.Write(name3);
        KernelLog.WriteHex(value3);
        KernelLog.NewLine();
    }
}
