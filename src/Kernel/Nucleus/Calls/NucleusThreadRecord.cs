using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Threads;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>A thread's record in what <see cref="NucleusCall.ReadThreads"/> writes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NucleusThreadRecord
{
    /// <summary>The number of innermost addresses kept of a deeper stack. The rest are its outermost, which identify the thread.</summary>
    public const int Innermost = 24;

    /// <summary>The maximum number of addresses per stack.</summary>
    public const int MaximumAddresses = 32;

    public int Id;

    /// <summary><see cref="ThreadState"/>.</summary>
    public ThreadState State;

    /// <summary>What a blocked thread waits for.</summary>
    public WaitKind Wait;

    /// <summary>The number of addresses written.</summary>
    public int Count;

    /// <summary>Processor time used, in nanoseconds.</summary>
    public ulong CpuTime;

    /// <summary>NUL-terminated.</summary>
    public fixed byte Name[16];

    /// <summary>Innermost first.</summary>
    public fixed ulong Addresses[MaximumAddresses];
}
