using System.Diagnostics.CodeAnalysis;
using System.Runtime;

namespace Xenlet.Kernel.Nucleus;

/// <summary>The end of a guest whose nucleus cannot go on: what, where, registers and calls, then the domain is shut down as crashed.</summary>
internal static unsafe class Panic
{
    /// <summary>True once a panic has begun: from then on the nucleus writes to the console too.</summary>
    public static bool InProgress { get; private set; }

    /// <summary>Ends the guest with a message.</summary>
    [DoesNotReturn]
    public static void Halt(ReadOnlySpan<byte> what)
    {
        Begin();
        KernelLog.Write("xenlet: panic: "u8);
        KernelLog.Write(what);
        KernelLog.NewLine();
        Backtrace.FromCaller(Machine.FramePointer());
        Crash();
    }

    /// <summary>Ends the guest after a fault of the nucleus itself, a double fault, a machine check, or where the nucleus is stuck.</summary>
    [DoesNotReturn]
    public static void Fault(Frame* frame)
    {
        Begin();
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
        Crash();
    }

    /// <summary>Where the linker sends failed bounds and arithmetic checks of nucleus code.</summary>
    [DoesNotReturn]
    [RuntimeExport("xenlet_panic_bounds")]
    public static void FailedCheck() => Halt("a bounds or arithmetic check failed in the nucleus"u8);

    /// <summary>Where the linker sends damaged stack cookies of nucleus code.</summary>
    [DoesNotReturn]
    [RuntimeExport("xenlet_panic_stack_cookie")]
    public static void DamagedStack() => Halt("the nucleus's stack is damaged"u8);

    /// <summary>Begins a report that goes to the console too. A second failure on the way stops at once.</summary>
    public static void Begin()
    {
        if (InProgress)
        {
            // The report itself failed: nothing it could still say is to be trusted.
            KernelEnd.Crash();
        }

        InProgress = true;
        ConsoleDevice.StartLine();
    }

    /// <summary>Begins a report of one line about the guest's configuration, where registers and calls would tell nothing.</summary>
    public static void BeginWithoutBacktrace(ReadOnlySpan<byte> what)
    {
        Begin();
        KernelLog.Write("xenlet: "u8);
        KernelLog.Write(what);
    }

    /// <summary>Ends a report: the domain stops as crashed.</summary>
    [DoesNotReturn]
    public static void Crash()
    {
        ConsoleDevice.DrainAtEnd();
        KernelEnd.Crash();
    }

    private static ReadOnlySpan<byte> ExceptionName(int vector) => vector switch
    {
        Vector.DivideError => "division by zero"u8,
        Vector.Debug => "debug exception"u8,
        // Only a second one, that finds the nucleus still at what the first one found it at.
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
