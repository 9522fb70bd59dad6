using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// All calls from a lower floor of the nucleus to a higher one, as imports of what the higher one exports: the linker joins them, so that
/// they are direct calls. A panic may have to be raised anywhere, and what shows it needs nearly everything.
/// </summary>
internal static class UpperCalls
{
    /// <summary>The console: a report begins on a line of its own.</summary>
    [RuntimeImport("*", "xenlet_panic_start_line")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void StartPanicLine();

    /// <summary>The console: an administrator sees it before port 0xE9, and a panic is the one thing that the nucleus says there.</summary>
    [RuntimeImport("*", "xenlet_panic_write")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void WritePanicText(byte value);

    /// <summary>The unwinder: the calls that led to the function whose frame pointer this is.</summary>
    [RuntimeImport("*", "xenlet_panic_calls")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void WritePanicCalls(ulong framePointer);

    /// <summary>The platform: the domain ends as crashed, when the console has taken the report.</summary>
    [DoesNotReturn]
    [RuntimeImport("*", "xenlet_panic_end")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void CrashAfterReport();

    /// <summary>The platform: the domain ends as crashed, now.</summary>
    [DoesNotReturn]
    [RuntimeImport("*", "xenlet_panic_end_at_once")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void CrashAtOnce();
}
