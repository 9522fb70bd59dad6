using System.Diagnostics.CodeAnalysis;
using System.Runtime;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Raises a panic when the nucleus cannot continue: reports the cause and the backtrace, then shuts the domain down as crashed.
/// <see cref="UpperCalls"/> leads to the code that shows the report.
/// </summary>
internal static class Panic
{
    /// <summary>True once a panic has begun. From then on the nucleus also writes to the console.</summary>
    public static bool InProgress { get; private set; }

    /// <summary>Ends the guest with a message.</summary>
    [DoesNotReturn]
    public static void Halt(ReadOnlySpan<byte> what)
    {
        Begin();
        KernelLog.Write("xenlet: panic: "u8);
        KernelLog.Write(what);
        KernelLog.NewLine();
        UpperCalls.WritePanicCalls(Machine.FramePointer());
        Crash();
    }

    /// <summary>The linker redirects failed bounds and arithmetic checks in nucleus code here.</summary>
    [DoesNotReturn]
    [RuntimeExport("xenlet_panic_bounds")]
    public static void FailedCheck() => Halt("a bounds or arithmetic check failed in the nucleus"u8);

    /// <summary>The linker redirects stack cookie failures in nucleus code here.</summary>
    [DoesNotReturn]
    [RuntimeExport("xenlet_panic_stack_cookie")]
    public static void DamagedStack() => Halt("the nucleus's stack is damaged"u8);

    /// <summary>Begins a report that also goes to the console. A failure while the report is written ends the domain at once.</summary>
    public static void Begin()
    {
        if (InProgress)
        {
            // Writing the report failed: nothing that it could still say can be trusted.
            UpperCalls.CrashAtOnce();
        }

        InProgress = true;
        UpperCalls.StartPanicLine();
    }

    /// <summary>Begins a one-line report about the guest's configuration, for which registers and a backtrace would tell nothing.</summary>
    public static void BeginWithoutBacktrace(ReadOnlySpan<byte> what)
    {
        Begin();
        KernelLog.Write("xenlet: "u8);
        KernelLog.Write(what);
    }

    /// <summary>Ends a report and shuts the domain down as crashed.</summary>
    [DoesNotReturn]
    public static void Crash() => UpperCalls.CrashAfterReport();
}
