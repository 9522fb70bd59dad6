using System.Diagnostics.CodeAnalysis;
using System.Runtime;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Raises a panic, the end of a guest whose nucleus cannot go on: what, where and the calls, then the domain is shut down as crashed. How
/// that is shown lies above, in <see cref="UpperCalls"/>.
/// </summary>
internal static class Panic
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
        UpperCalls.WritePanicCalls(Machine.FramePointer());
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
            UpperCalls.CrashAtOnce();
        }

        InProgress = true;
        UpperCalls.StartPanicLine();
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
    public static void Crash() => UpperCalls.CrashAfterReport();
}
