using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>Shows a panic: the exports behind <see cref="UpperCalls"/>, and the report of a fault.</summary>
internal static unsafe class PanicReport
{
    /// <summary>Ends the guest after a fault in the nucleus, a double fault, a machine check, or when the nucleus is stuck.</summary>
    [DoesNotReturn]
    public static void Fault(Frame* frame)
    {
        Panic.Begin();
        KernelLog.Write("xenlet: panic: "u8);
        ReadOnlySpan<byte> name = ExceptionName((int)frame->Vector);
        if (name.Length > 0)
        {
            KernelLog.Write(name);
        }
        else
        {
            KernelLog.Write("unexpected vector "u8);
            KernelLog.WriteDecimal(frame->Vector);
        }

        KernelLog.Write(" in the nucleus"u8);
        if (frame->Vector == Vector.PageFault)
        {
            KernelLog.Write(", address "u8);
            KernelLog.WriteHex(frame->Cr2);
        }

        KernelLog.NewLine();
        Registers.Write(frame);
        Backtrace.FromFrame(frame);
        Panic.Crash();
    }

    [RuntimeExport("xenlet_panic_start_line")]
    public static void StartLine() => ConsoleDevice.StartLine();

    [RuntimeExport("xenlet_panic_write")]
    public static void Write(byte value) => ConsoleDevice.WriteByPolling(value);

    [RuntimeExport("xenlet_panic_calls")]
    public static void WriteCalls(ulong framePointer) => Backtrace.FromCaller(framePointer);

    [DoesNotReturn]
    [RuntimeExport("xenlet_panic_end")]
    public static void End()
    {
        ConsoleDevice.DrainAtEnd();
        KernelEnd.Crash();
    }

    [DoesNotReturn]
    [RuntimeExport("xenlet_panic_end_at_once")]
    public static void EndAtOnce() => KernelEnd.Crash();

    private static ReadOnlySpan<byte> ExceptionName(int vector) => vector switch
    {
        Vector.DivideError => "division by zero"u8,
        Vector.Debug => "debug exception"u8,
        // Only a second one that finds the nucleus still in the work that the first one interrupted.
        Vector.Nmi => "a second non-maskable interrupt"u8,
        Vector.Breakpoint => "breakpoint"u8,
        Vector.InvalidOpcode => "invalid instruction"u8,
        Vector.DoubleFault => "double fault"u8,
        Vector.StackFault => "stack fault"u8,
        Vector.GeneralProtection => "general protection fault"u8,
        Vector.PageFault => "page fault"u8,
        Vector.MachineCheck => "machine check"u8,
        Vector.SimdFloatingPoint => "floating-point exception"u8,
        _ => default,
    };
}
