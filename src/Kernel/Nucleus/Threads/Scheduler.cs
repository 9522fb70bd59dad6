using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Timer = Xenlet.Kernel.Nucleus.Platform.Timer;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>
/// Decides which thread runs when the nucleus is left. Round robin: a thread is preempted at the end of its time slice if another is ready.
/// A thread that an urgent one preempts earlier goes on behind it with the rest of its slice: it would otherwise lose its turn each time it
/// wakes an urgent one, such as who waits for the epoll set to which it adds sockets, while others use theirs up.
/// The timer is armed only for the next thing that has to happen, so an idle guest takes no ticks.
/// </summary>
internal static unsafe class Scheduler
{
    /// <summary>Length of a time slice in nanoseconds.</summary>
    public const ulong TimeSlice = 10_000_000;

    // If something wakes the guest sooner than this, it is busy and will soon need its time slices again.
    private const ulong ShortIdleness = TimeSlice / 5;

    private static Thread* s_idle;
    private static Thread* s_running;
    private static ulong s_switchedInAt;
    private static ulong s_lastIdleness;
    private static ulong s_sliceEnd;
    private static bool s_yields;
    private static bool s_isPreempted;
    private static Thread* s_callAgainFirst;
    private static Thread* s_callAgainLast;
    private static ulong s_loadedFsBase;
    private static ulong s_programTime;

    /// <summary>The thread whose system call or fault is being handled, or the idle thread.</summary>
    public static Thread* Current => s_running;

    /// <summary>Thread switches since boot.</summary>
    public static ulong Switches { get; private set; }

    /// <summary>Creates the idle thread and makes the first thread ready.</summary>
    public static void Initialise(Thread* first)
    {
        s_idle = ThreadTable.Allocate();
        s_idle->Frame.Rip = Image.Idle;
        s_idle->Frame.Rflags = Frame.InitialFlags;
        s_idle->Frame.Cs = Frame.CodeSelector;
        s_idle->Frame.Ss = Frame.DataSelector;
        s_idle->Frame.ResetFloatingPoint();
        Run(s_idle);
        s_switchedInAt = Clock.Now();
        RunQueue.Append(first);
    }

    /// <summary>
    /// Blocks a thread in its call, which returns the value given to <see cref="Wake"/>, or is retried. The thread must already have joined
    /// the queues that it waits in.
    /// </summary>
    /// <param name="thread">The current thread, or one whose call is being retried.</param>
    /// <param name="kind">What it waits for, for reports only.</param>
    /// <param name="deadline">Nanoseconds of <see cref="Clock.Now"/>, or <see cref="ulong.MaxValue"/> for no limit.</param>
    /// <param name="end">How the wait ends if nobody wakes the thread.</param>
    public static void Block(Thread* thread, WaitKind kind, ulong deadline, WaitEnd end)
    {
        thread->State = ThreadState.Blocked;
        thread->Wait = kind;
        thread->End = end;
        thread->Deadline = deadline;
        if (deadline != ulong.MaxValue)
        {
            Deadlines.Add(thread, deadline);
        }
    }

    /// <summary>Wakes a blocked thread.</summary>
    /// <param name="thread">The thread. It leaves all queues that it waits in.</param>
    /// <param name="result">What its system call returns.</param>
    /// <param name="urgent">True if a device or the clock woke it: it runs next, after others woken that way.</param>
    public static void Wake(Thread* thread, long result, bool urgent)
    {
        Unblock(thread);
        Return(thread, result, urgent);
    }

    /// <summary>
    /// Wakes a blocked thread, which runs before all others, but not before the running one waits or has used its time slice.
    /// </summary>
    public static void WakeNext(Thread* thread, long result)
    {
        Unblock(thread);
        thread->Progress = 0;
        thread->Frame.Rax = (ulong)result;
        if (thread != s_running)
        {
            RunQueue.AddFirst(thread);
        }
    }

    /// <summary>Wakes a blocked thread so that its call is retried before the nucleus is left.</summary>
    public static void WakeToRetry(Thread* thread)
    {
        Unblock(thread);
        thread->Next = null;
        if (s_callAgainFirst == null)
        {
            s_callAgainFirst = thread;
        }
        else
        {
            s_callAgainLast->Next = thread;
        }

        s_callAgainLast = thread;
    }

    /// <summary>
    /// Takes a thread whose call must be retried, or null. The retry blocks it again, or makes it ready by <see cref="Return"/> or
    /// <see cref="MakeReady"/>.
    /// </summary>
    public static Thread* TakeToRetry()
    {
        Thread* thread = s_callAgainFirst;
        if (thread != null)
        {
            s_callAgainFirst = thread->Next;
        }

        return thread;
    }

    /// <summary>Makes a thread that is no longer blocked ready to run, and sets its call's result.</summary>
    public static void Return(Thread* thread, long result, bool urgent)
    {
        thread->Progress = 0;
        thread->Frame.Rax = (ulong)result;
        MakeReady(thread, urgent);
    }

    /// <summary>Makes a thread that is no longer blocked ready to run, with its registers as they are.</summary>
    public static void MakeReady(Thread* thread, bool urgent)
    {
        if (thread == s_running)
        {
            // Still the thread of this trap: it blocked itself and was woken before the nucleus was left.
            return;
        }

        if (urgent)
        {
            RunQueue.AddUrgent(thread);
            s_isPreempted |= !s_running->RunsFirst;
        }
        else
        {
            RunQueue.Append(thread);
        }
    }

    /// <summary>Lets other threads run before the current one continues.</summary>
    public static void Yield() => s_yields = true;

    /// <summary>Ends the current thread.</summary>
    public static void EndCurrent()
    {
        Thread* thread = s_running;
        ulong now = Clock.Now();
        AccountTime(now);
        s_switchedInAt = now;
        Run(s_idle);
        FloatingPoint.Discard();
        ThreadTable.Remove(thread);
    }

    /// <summary>Processor time that the current thread has used so far.</summary>
    public static ulong CurrentCpuTime => s_running->CpuTime + (Clock.Now() - s_switchedInAt);

    /// <summary>Processor time of all threads since boot, including ended ones.</summary>
    public static ulong ProcessCpuTime => s_programTime + (s_running == s_idle ? 0 : Clock.Now() - s_switchedInAt);

    /// <summary>Whether the idle thread will be resumed.</summary>
    public static bool IsIdle => s_running == s_idle;

    /// <summary>
    /// Whether the current thread continues until the timer fires, which is armed for the end of its time slice if another thread is ready.
    /// <see cref="Choose"/> is then not needed.
    /// </summary>
    public static bool CurrentContinues
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => s_running != s_idle && s_running->State == ThreadState.Ready && !s_yields && !s_isPreempted
            && (RunQueue.IsEmpty || Timer.ComesBy(s_sliceEnd));
    }

    /// <summary>
    /// Whether the current thread continues and nothing else is to be done before: the timer is set, so that it has not fired for anything
    /// that is due, no call is to be retried, and the thread has not changed its own base of thread-local storage.
    /// </summary>
    /// <param name="wakeUp">As of <see cref="Resume"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool CurrentJustContinues(ulong wakeUp) =>
        CurrentContinues && s_callAgainFirst == null && s_running->Frame.FsBase == s_loadedFsBase
        && Timer.ComesBy(Math.Min(Deadlines.Earliest, wakeUp));

    /// <summary>Wakes threads whose deadline has passed, and chooses the thread to resume, which becomes <see cref="Current"/>.</summary>
    /// <param name="now">Nanoseconds of <see cref="Clock.Now"/>.</param>
    public static void Choose(ulong now)
    {
        for (Thread* thread = Deadlines.TakeExpired(now); thread != null; thread = Deadlines.TakeExpired(now))
        {
            Wake(thread, thread->End.AtDeadline, urgent: true);
        }

        ChooseReady(now);
    }

    /// <summary>Sets up the timer and the processor for the chosen thread.</summary>
    /// <param name="wakeUp">
    /// The latest time at which the nucleus must run, whatever the threads do, in nanoseconds of <see cref="Clock.Now"/>.
    /// </param>
    /// <returns>The registers to resume.</returns>
    public static Frame* Resume(ulong wakeUp)
    {
        ArmTimer(wakeUp);
        if (s_running->Frame.FsBase != s_loadedFsBase)
        {
            s_loadedFsBase = s_running->Frame.FsBase;
            Machine.WriteMsr(Msr.FsBase, s_loadedFsBase);
        }

        return &s_running->Frame;
    }

    private static void ChooseReady(ulong now)
    {
        Thread* running = s_running;
        bool canGoOn = running != s_idle && running->State == ThreadState.Ready;
        bool isTurnOver = s_yields || now >= s_sliceEnd;
        bool isPreempted = s_isPreempted;
        s_yields = false;
        s_isPreempted = false;
        if (canGoOn && (RunQueue.IsEmpty || !(isPreempted || isTurnOver)))
        {
            return;
        }

        Thread* next = RunQueue.Take();
        if (next == null)
        {
            next = s_idle;
        }

        if (canGoOn && isTurnOver)
        {
            RunQueue.Append(running);
        }
        else if (canGoOn)
        {
            running->SliceLeft = s_sliceEnd - now;
            RunQueue.AddBehindUrgent(running);
        }

        if (running == s_idle)
        {
            s_lastIdleness = now - s_switchedInAt;
        }

        AccountTime(now);
        s_switchedInAt = now;
        s_sliceEnd = now + (next->SliceLeft > 0 ? next->SliceLeft : TimeSlice);
        next->SliceLeft = 0;
        if (next != running)
        {
            FloatingPoint.Save();
            Switches++;
        }

        Run(next);
    }

    private static void Unblock(Thread* thread)
    {
        Deadlines.Remove(thread);
        WaitQueue.LeaveAll(thread);
        thread->State = ThreadState.Ready;
        thread->Wait = WaitKind.None;
    }

    private static void Run(Thread* thread)
    {
        s_running = thread;
        FailNth.Running = thread;
    }

    private static void AccountTime(ulong now)
    {
        s_running->CpuTime += now - s_switchedInAt;
        if (s_running != s_idle)
        {
            s_programTime += now - s_switchedInAt;
        }
    }

    private static void ArmTimer(ulong wakeUp)
    {
        ulong next = Math.Min(Deadlines.Earliest, wakeUp);
        if (s_running == s_idle && s_lastIdleness >= ShortIdleness)
        {
            // Otherwise the end of an obsolete time slice would wake the guest only to set the next deadline: two exits to Xen and an
            // interrupt instead of one exit. A guest that is idle only for moments leaves the timer as it is, and sets it at most once per
            // time slice.
            Timer.Postpone(next);
            return;
        }

        if (!RunQueue.IsEmpty)
        {
            next = Math.Min(next, s_sliceEnd);
        }

        Timer.Require(next);
    }
}
