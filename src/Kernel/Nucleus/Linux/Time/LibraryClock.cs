using System.Runtime;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Linux.Time;

/// <summary>The C library's own clock_gettime, by the name that it has besides.</summary>
internal static unsafe class LibraryClock
{
    /// <summary>Makes the system call, and sets errno when that fails.</summary>
    [RuntimeImport("*", "__clock_gettime")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern int GetTime(int clock, ulong* time);
}
