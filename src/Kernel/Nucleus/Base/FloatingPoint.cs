namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// x87 and MXCSR of the thread that entered the nucleus. The nucleus computes with integers alone, so they stay in the processor while it
/// runs, and its entry saves the xmm registers only. Whoever reads or copies a frame's floating point state, or resumes another thread,
/// completes it first.
/// </summary>
internal static unsafe class FloatingPoint
{
    // Control, status and tag words, MXCSR and the x87 registers (Intel SDM volume 1, table 10-2); xmm registers follow.
    private const int WordsBeforeXmm = 160 / sizeof(ulong);
    private const int ImageSize = 512;
    private const int ImageAlignment = 16;

    /// <summary>Completes the frame of the thread whose state is in the processor.</summary>
    public static void Save()
    {
        PerCpu* cpu = Image.Cpu;
        if (cpu->FloatingPointIsLive == 0)
        {
            return;
        }

        cpu->FloatingPointIsLive = 0;
        byte* bytes = stackalloc byte[ImageSize + ImageAlignment];
        bytes = (byte*)(((ulong)bytes + ImageAlignment - 1) & ~(ulong)(ImageAlignment - 1));
        Machine.SaveFloatingPoint(bytes);
        ulong* saved = (ulong*)cpu->Current->FloatingPoint;
        for (int i = 0; i < WordsBeforeXmm; i++)
        {
            saved[i] = ((ulong*)bytes)[i];
        }
    }

    /// <summary>The thread is resumed with what its frame says, or not at all.</summary>
    public static void Discard() => Image.Cpu->FloatingPointIsLive = 0;
}
