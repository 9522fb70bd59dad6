using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform;

namespace Xenlet.Kernel.Nucleus.Threads;

internal enum ThreadState : uint
{
    /// <summary>Running, or in the run queue.</summary>
    Ready,

    /// <summary>Parked in a system call; <see cref="Thread.Wait"/> says in which.</summary>
    Blocked,
}

/// <summary>What a blocked thread waits for.</summary>
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

    /// <summary>The next thread of the run queue, or of the queue that this one waits in.</summary>
    public Thread* Next;

    /// <summary>The one before it in the queue that this one waits in.</summary>
    public Thread* Previous;

    /// <summary>The queue that a blocked thread waits in; null for none.</summary>
    public WaitQueue* Queue;

    /// <summary>The next of all threads.</summary>
    public Thread* NextInProcess;

    /// <summary>Neighbours in the list of deadlines; meaningful while <see cref="HasDeadline"/>.</summary>
    public Thread* NextDeadline;

    /// <summary>Nanoseconds of <see cref="Clock.Now"/>.</summary>
    public ulong Deadline;

    public bool HasDeadline;

    /// <summary>What the call returns at the deadline.</summary>
    public long DeadlineResult;

    /// <summary>Whether the interrupted call is to be made again after a handler with SA_RESTART.</summary>
    public bool Restartable;

    /// <summary>Wait arguments: futex address; buffer of a read, write or poll; or where a sleep leaves what was left of it, 0 for nowhere.</summary>
    public ulong WaitAddress;

    /// <summary>Wait arguments: futex bit set; or the bytes (poll: entries) of the buffer.</summary>
    public ulong WaitCount;

    /// <summary>
    /// Wait arguments: bytes of a write already done. Of a thread that is ready: bytes of a getrandom already done, which it is about to
    /// go on with.
    /// </summary>
    public ulong WaitDone;

    public int WaitFile;

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
