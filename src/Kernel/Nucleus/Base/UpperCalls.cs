using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// All calls from a lower floor of the nucleus to a higher one. They are imports of what the higher floor exports; the linker resolves
/// them, so they are direct calls. Any floor may have to raise a panic, and showing one needs nearly every floor.
/// </summary>
internal static class UpperCalls
{
    /// <summary>Console: starts the report on a new line.</summary>
    [RuntimeImport("*", "xenlet_panic_start_line")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void StartPanicLine();

    /// <summary>
    /// Console: writes a character of the report. An administrator reads the console before port 0xE9, and a panic is all that the nucleus
    /// writes there.
    /// </summary>
    [RuntimeImport("*", "xenlet_panic_write")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void WritePanicText(byte value);

    /// <summary>Unwinder: writes the backtrace that starts at this frame pointer.</summary>
    [RuntimeImport("*", "xenlet_panic_calls")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void WritePanicCalls(ulong framePointer);

    /// <summary>Platform: ends the domain as crashed once the console has accepted the report.</summary>
    [DoesNotReturn]
    [RuntimeImport("*", "xenlet_panic_end")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void CrashAfterReport();

    /// <summary>Platform: ends the domain as crashed at once.</summary>
    [DoesNotReturn]
    [RuntimeImport("*", "xenlet_panic_end_at_once")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void CrashAtOnce();
}
