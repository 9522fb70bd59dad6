using System.Runtime.InteropServices;

namespace Xenlet.Kernel;

/// <summary>Makes system calls of the nucleus's own: see <see cref="Nucleus.Calls.NucleusCall"/>.</summary>
/// <remarks>It is an ordinary P/Invoke, so the collector does not wait for a thread that waits in the nucleus.</remarks>
internal static partial class NucleusSystemCall
{
    /// <summary>Makes a call.</summary>
    /// <returns>The nucleus's result. A negative number is an errno.</returns>
    public static long Invoke(int number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0) =>
        SystemCall(a1, a2, a3, a4, 0, (ulong)number);

    [LibraryImport("xenlet", EntryPoint = "xenlet_system_call")]
    private static partial long SystemCall(ulong a1, ulong a2, ulong a3, ulong a4, ulong a5, ulong number);
}
