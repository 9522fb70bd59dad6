using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Timer = Xenlet.Kernel.Nucleus.Platform.Timer;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>
/// Decides which thread runs when the nucleus is left. Round robin; a thread is preempted at the end of its time slice when another
/// could run. The timer is armed only for the next thing that has to happen: an idle guest takes no ticks.
/// </summary>
internal static unsafe class Scheduler
{
    /// <summary>Length of a time slice in nanoseconds.</summary>
    public const ulong TimeSlice = 10_000_000;

    // An idle guest that something wakes sooner than this is busy: it is about to need its time slices again.
    private const ulong ShortIdleness = TimeSlice / 5;

    private static Thread* s_idle;
    private static Thread* s_running;
    private static ulong s_switchedInAt;
    private static ulong s_lastIdleness;
    private static bool s_yields;
    private static Thread* s_callAgainFirst;
    private static Thread* s_callAgainLast;
    private static ulong s_loadedFsBase;
    private static ulong s_programTime;

    /// <summary>The thread whose system call or fault is being handled; the idle thread when none runs.</summary>
    public static Thread* Current => s_running;

    /// <summary>Thread switches since boot.</summary>
    public static ulong Switches { get; private set; }

    /// <summary>Makes the idle thread and lets the first thread run.</summary>
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
    /// Parks a thread in its call, which returns what <see cref="Wake"/> is given, or is made again. The queues that it waits in it has
    /// joined.
    /// </summary>
    /// <param name="thread">The current thread, or one whose call is made again.</param>
    /// <param name="kind">What it waits for, for reports.</param>
    /// <param name="deadline">Nanoseconds of <see cref="Clock.Now"/>; <see cref="ulong.MaxValue"/> for no limit.</param>
    /// <param name="end">How the wait ends otherwise.</param>
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

    /// <summary>Lets a blocked thread go on.</summary>
    /// <param name="thread">The thread; it leaves whatever it waits in.</param>
    /// <param name="result">What its system call returns.</param>
    /// <param name="urgent">True when a device or the clock woke it: it then runs next, after others so woken.</param>
    public static void Wake(Thread* thread, long result, bool urgent)
    {
        Unblock(thread);
        Return(thread, result, urgent);
    }

    /// <summary>Lets a blocked thread's call be made again, before the nucleus is left.</summary>
    public static void WakeToCallAgain(Thread* thread)
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
    /// Takes a thread whose call is to be made again, after which it is blocked, or <see cref="Return"/> or
    /// <see cref="GoOn"/> lets it go on; null when there is
    /// none.
    /// </summary>
    public static Thread* TakeToCallAgain()
    {
        Thread* thread = s_callAgainFirst;
        if (thread != null)
        {
            s_callAgainFirst = thread->Next;
        }

        return thread;
    }

    /// <summary>Lets a thread go on that is not blocked any more, and gives its call a result.</summary>
    public static void Return(Thread* thread, long result, bool urgent)
    {
        thread->Progress = 0;
        thread->Frame.Rax = (ulong)result;
        GoOn(thread, urgent);
    }

    /// <summary>Lets a thread go on that is not blocked any more, with its registers as they are.</summary>
    public static void GoOn(Thread* thread, bool urgent)
    {
        if (thread == s_running)
        {
            // Still the thread of this trap: it parked itself and was woken before the nucleus was left.
            return;
        }

        if (urgent)
        {
            RunQueue.AddUrgent(thread);
            s_yields = true;
        }
        else
        {
            RunQueue.Append(thread);
        }
    }

    /// <summary>The current thread lets others run before it goes on.</summary>
    public static void Yield() => s_yields = true;

    /// <summary>Forgets the current thread for good.</summary>
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

    /// <summary>Processor time of the current thread up to now.</summary>
    public static ulong CurrentCpuTime => s_running->CpuTime + (Clock.Now() - s_switchedInAt);

    /// <summary>Processor time of all threads since boot, ended ones included.</summary>
    public static ulong ProcessCpuTime => s_programTime + (s_running == s_idle ? 0 : Clock.Now() - s_switchedInAt);

    /// <summary>Whether the idle thread is to be resumed.</summary>
    public static bool IsIdle => s_running == s_idle;

    /// <summary>Wakes whose deadline has passed, and chooses the thread to be resumed: <see cref="Current"/> from then on.</summary>
    /// <param name="now">Nanoseconds of <see cref="Clock.Now"/>.</param>
    public static void Choose(ulong now)
    {
        for (Thread* thread = Deadlines.TakeExpired(now); thread != null; thread = Deadlines.TakeExpired(now))
        {
            Wake(thread, thread->End.AtDeadline, urgent: true);
        }

        ChooseReady(now);
    }

    /// <summary>Sets the timer and the processor for the thread that was chosen.</summary>
    /// <param name="wakeUp">When the nucleus is needed at the latest, whatever the threads do; nanoseconds of
    /// <see cref="Clock.Now"/>.</param>
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
        bool sliceOver = now - s_switchedInAt >= TimeSlice;
        bool yield = s_yields;
        s_yields = false;
        if (canGoOn && (RunQueue.IsEmpty || !(yield || sliceOver)))
        {
            return;
        }

        Thread* next = RunQueue.Take();
        if (next == null)
        {
            next = s_idle;
        }

        if (canGoOn)
        {
            RunQueue.Append(running);
        }

        if (running == s_idle)
        {
            s_lastIdleness = now - s_switchedInAt;
        }

        AccountTime(now);
        s_switchedInAt = now;
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
            // Else the end of a time slice that nobody needs any more wakes the guest, only to be told of the next deadline: two exits to
            // Xen and an interrupt in place of one exit. A guest that is idle for moments only leaves the timer as it is, and sets it once
            // a time slice at most.
            Timer.Postpone(next);
            return;
        }

        if (!RunQueue.IsEmpty)
        {
            next = Math.Min(next, s_switchedInAt + TimeSlice);
        }

        Timer.Require(next);
    }
}
