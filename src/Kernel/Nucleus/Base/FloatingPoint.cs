namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// The x87 state and MXCSR of the thread that entered the nucleus. The nucleus uses only integers, so they stay in the processor while it
/// runs, and the entry saves only the xmm registers. Call <see cref="Save"/> before reading or copying a frame's floating point state, and
/// before resuming another thread.
/// </summary>
internal static unsafe class FloatingPoint
{
    // Control, status and tag words, MXCSR and the x87 registers (Intel SDM volume 1, table 10-2). The xmm registers follow.
    private const int WordsBeforeXmm = 160 / sizeof(ulong);
    private const int ImageSize = 512;
    private const int ImageAlignment = 16;

    /// <summary>Saves the x87 state and MXCSR from the processor to the frame they belong to.</summary>
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

    /// <summary>Drops the state in the processor. The thread must then be resumed from its frame, or never.</summary>
    public static void Discard() => Image.Cpu->FloatingPointIsLive = 0;
}
