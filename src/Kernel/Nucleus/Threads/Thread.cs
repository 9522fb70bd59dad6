using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Threads;

internal enum ThreadState : uint
{
    /// <summary>Running, or in the run queue.</summary>
    Ready,

    /// <summary>Parked in a system call; <see cref="Thread.Wait"/> says in which.</summary>
    Blocked,
}

/// <summary>What a blocked thread waits for, as reports say it. Nothing is decided by it.</summary>
internal enum WaitKind : uint
{
    None,
    Futex,
    Sleep,
    FileRead,
    FileWrite,
    Poll,
    EventPoll,
    EventChannel,
    Termination,
}

/// <summary>
/// A thread: its registers, at offset 0 where the entry stubs save them, and what it waits for. There is no stack per thread in the
/// nucleus: a system call that has to wait leaves its state here and returns to the scheduler.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Thread
{
    public Frame Frame;

    /// <summary>The Linux thread id; the first thread has the process's, 1.</summary>
    public int Id;

    public ThreadState State;
    public WaitKind Wait;

    /// <summary>The next thread of the run queue, or of those that make their call again.</summary>
    public Thread* Next;

    /// <summary>The next of all threads.</summary>
    public Thread* NextInProcess;

    /// <summary>
    /// When the wait ends at the latest; nanoseconds of <see cref="Platform.Clock.Now"/>, <see cref="ulong.MaxValue"/> for no limit.
    /// </summary>
    public ulong Deadline;

    /// <summary>Whether it is among <see cref="Deadlines"/>, whose links and order these are.</summary>
    public bool HasDeadline;

    public ulong DeadlineOrder;
    public Thread* DeadlineChild;
    public Thread* DeadlineNext;
    public Thread* DeadlinePrevious;

    /// <summary>How the wait ends when nobody wakes the thread.</summary>
    public WaitEnd End;

    /// <summary>The places in the queues that a blocked thread waits in.</summary>
    public WaitEntry* Entries;

    /// <summary>The first of them.</summary>
    public WaitEntry FirstEntry;

    /// <summary>
    /// Whether the call is being made again, after a wait: <see cref="Deadline"/> and <see cref="Progress"/> are those of before.
    /// </summary>
    public bool IsCallAgain;

    /// <summary>
    /// How far a call has come that goes on: bytes written, or bytes of a getrandom filled.
    /// </summary>
    public ulong Progress;

    /// <summary>Blocked signals, bit n-1 for signal n.</summary>
    public ulong SignalMask;

    /// <summary>Signals sent to this thread and not yet delivered.</summary>
    public ulong PendingSignals;

    /// <summary>Where to write zero and wake one waiter when the thread ends (CLONE_CHILD_CLEARTID); 0 for nowhere.</summary>
    public ulong ClearChildTid;

    /// <summary>The lowest usable address of the stack; 0 when unknown.</summary>
    public ulong StackLow;

    /// <summary>Exclusive.</summary>
    public ulong StackHigh;

    /// <summary>Nanoseconds of processor time.</summary>
    public ulong CpuTime;

    /// <summary>NUL-terminated name of prctl(PR_SET_NAME).</summary>
    public fixed byte Name[16];
}
