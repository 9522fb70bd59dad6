using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Threads;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>One thread in what <see cref="NucleusCall.ReadThreads"/> writes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NucleusThreadRecord
{
    /// <summary>
    /// Addresses of a deeper stack that are its innermost ones; the rest are its outermost, which say which thread it is.
    /// </summary>
    public const int Innermost = 24;

    /// <summary>The most addresses of one stack.</summary>
    public const int MostAddresses = 32;

    public int Id;

    /// <summary><see cref="ThreadState"/>.</summary>
    public ThreadState State;

    /// <summary>What a blocked thread waits for.</summary>
    public WaitKind Wait;

    /// <summary>Addresses that were written.</summary>
    public int Count;

    /// <summary>Nanoseconds of processor time.</summary>
    public ulong CpuTime;

    /// <summary>NUL-terminated.</summary>
    public fixed byte Name[16];

    /// <summary>Innermost first.</summary>
    public fixed ulong Addresses[MostAddresses];
}
