using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Threads;

internal enum ThreadState : uint
{
    /// <summary>Running or in the run queue.</summary>
    Ready,

    /// <summary>Blocked in a system call; <see cref="Thread.Wait"/> says in which.</summary>
    Blocked,
}

/// <summary>What a blocked thread waits for, for reports. No decision depends on it.</summary>
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
    Sockets,
    FileLock,
}

/// <summary>
/// A thread: its registers, which the entry stubs save at offset 0, and its wait state. The nucleus has no stack per thread: a system call
/// that has to wait leaves its state here and returns to the scheduler.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Thread
{
    public Frame Frame;

    /// <summary>The Linux thread id. The first thread has the process's id, 1.</summary>
    public int Id;

    public ThreadState State;
    public WaitKind Wait;

    /// <summary>The next thread in the run queue, or among those whose calls are retried.</summary>
    public Thread* Next;

    /// <summary>The next in the list of all threads.</summary>
    public Thread* NextInProcess;

    /// <summary>
    /// The time at which the wait ends at the latest: nanoseconds of <see cref="Platform.Clock.Now"/>, or <see cref="ulong.MaxValue"/>.
    /// </summary>
    public ulong Deadline;

    /// <summary>Whether the thread is among <see cref="Deadlines"/>, which owns these links.</summary>
    public bool HasDeadline;

    public ulong DeadlineOrder;
    public Thread* DeadlineChild;
    public Thread* DeadlineNext;
    public Thread* DeadlinePrevious;

    /// <summary>How the wait ends if nobody wakes the thread.</summary>
    public WaitEnd End;

    /// <summary>The thread's entries in the queues that it waits in.</summary>
    public WaitEntry* Entries;

    /// <summary>The first of these entries.</summary>
    public WaitEntry FirstEntry;

    /// <summary>
    /// Whether the call is being retried after a wait. <see cref="Deadline"/> and <see cref="Progress"/> then keep their values.
    /// </summary>
    public bool IsRetry;

    /// <summary>How far a call that waits repeatedly has got: bytes written, or those of a call that is made in parts.</summary>
    public ulong Progress;

    /// <summary>What a call that is made in parts is about: an open file, or null for random numbers.</summary>
    public void* PartSubject;

    /// <summary>
    /// Whether the thread serves others, as the network stack's does: it is not preempted by those that it wakes.
    /// </summary>
    public bool RunsFirst;

    /// <summary>Blocked signals: bit n-1 for signal n.</summary>
    public ulong SignalMask;

    /// <summary>Signals sent to this thread and not yet delivered.</summary>
    public ulong PendingSignals;

    /// <summary>Where to write zero and wake one waiter when the thread ends (CLONE_CHILD_CLEARTID), or 0.</summary>
    public ulong ClearChildTid;

    /// <summary>The lowest usable address of the stack, or 0 if unknown.</summary>
    public ulong StackLow;

    /// <summary>Exclusive.</summary>
    public ulong StackHigh;

    /// <summary>Processor time used, in nanoseconds.</summary>
    public ulong CpuTime;

    /// <summary>What is left of the time slice in which the thread was preempted, in nanoseconds; 0 for a whole one.</summary>
    public ulong SliceLeft;

    /// <summary>The NUL-terminated name set by prctl(PR_SET_NAME).</summary>
    public fixed byte Name[16];
}
