using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Unwind;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>A backtrace as lines of addresses. <c>build.sh run</c> and <c>addr2line -e NAME.debug</c> turn them into names.</summary>
internal static unsafe class Backtrace
{
    /// <summary>The number of innermost frames shown.</summary>
    private const int Innermost = 24;

    /// <summary>The number of outermost frames shown of a deeper stack. They identify the thread.</summary>
    private const int Outermost = 8;

    /// <summary>A longer walk runs in a circle.</summary>
    private const int MaximumDepth = 100_000;

    /// <summary>Writes the backtrace of an interrupted thread.</summary>
    public static void FromFrame(Frame* frame)
    {
        UnwindRegisters registers;
        UnwindRegisters.Load(&registers, frame);
        Write(&registers);
    }

    /// <summary>Writes the backtrace from the caller of the function with this frame pointer.</summary>
    public static void FromCaller(ulong framePointer)
    {
        if (!ProbeMemory.TryRead64(framePointer, out ulong callersFramePointer)
            || !ProbeMemory.TryRead64(framePointer + 8, out ulong returnAddress))
        {
            return;
        }

        UnwindRegisters registers;
        UnwindRegisters.Clear(&registers);
        registers.Values[UnwindRegisters.Rbp] = callersFramePointer;
        registers.Values[UnwindRegisters.Rsp] = framePointer + 16;
        registers.Values[UnwindRegisters.Rip] = returnAddress;
        Write(&registers);
    }

    private static void Write(UnwindRegisters* registers)
    {
        ulong* last = stackalloc ulong[Outermost];
        int depth = 0;
        UnwindStop stop = UnwindStop.None;
        while (stop == UnwindStop.None && depth < MaximumDepth)
        {
            ulong address = registers->Values[UnwindRegisters.Rip];
            if (depth < Innermost)
            {
                Line(address);
            }

            last[depth % Outermost] = address;
            depth++;
            stop = Unwinder.Step(UnwindTables.OfImage, registers);
        }

        if (depth > Innermost + Outermost)
        {
            KernelLog.Write("  ... "u8);
            KernelLog.WriteDecimal((ulong)(depth - Innermost - Outermost));
            KernelLog.Write(" more\n"u8);
        }

        for (int i = Math.Max(Innermost, depth - Outermost); i < depth; i++)
        {
            Line(last[i % Outermost]);
        }

        if (stop is UnwindStop.BadStack or UnwindStop.BadInformation)
        {
            KernelLog.Write("  (the stack is damaged from here on)\n"u8);
        }
    }

    private static void Line(ulong address)
    {
        KernelLog.Write("  at "u8);
        KernelLog.WriteHex(address);
        KernelLog.NewLine();
    }
}
