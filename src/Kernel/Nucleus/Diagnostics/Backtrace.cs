namespace Xenlet.Kernel.Nucleus;

/// <summary>Return addresses as lines that <c>build.sh run</c> and addr2line turn into names.</summary>
internal static unsafe class Backtrace
{
    private const int MaximumDepth = 40;

    public static void FromFrame(Frame* frame)
    {
        Line(frame->Rip);
        FromHere(frame->Rbp);
    }

    /// <summary>Follows the chain of frame pointers.</summary>
    public static void FromHere(ulong framePointer)
    {
        for (int depth = 0; depth < MaximumDepth; depth++)
        {
            if ((framePointer & 7) != 0 || !PageTable.IsReadable(framePointer) || !PageTable.IsReadable(framePointer + 8))
            {
                return;
            }

            ulong next = *(ulong*)framePointer;
            ulong address = *(ulong*)(framePointer + 8);
            if (address == 0 || next <= framePointer)
            {
                return;
            }

            Line(address);
            framePointer = next;
        }
    }

    private static void Line(ulong address)
    {
        KernelLog.Write("  at "u8);
        KernelLog.WriteHex(address);
        KernelLog.NewLine();
    }
}
