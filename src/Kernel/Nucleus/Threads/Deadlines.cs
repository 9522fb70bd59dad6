namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>Blocked threads that have a time limit, earliest first.</summary>
internal static unsafe class Deadlines
{
    private static Thread* s_first;

    /// <summary>The earliest deadline; <see cref="ulong.MaxValue"/> when there is none.</summary>
    public static ulong Earliest => s_first == null ? ulong.MaxValue : s_first->Deadline;

    public static void Add(Thread* thread, ulong deadline)
    {
        thread->Deadline = deadline;
        thread->HasDeadline = true;
        if (s_first == null || s_first->Deadline > deadline)
        {
            thread->NextDeadline = s_first;
            s_first = thread;
            return;
        }

        Thread* previous = s_first;
        while (previous->NextDeadline != null && previous->NextDeadline->Deadline <= deadline)
        {
            previous = previous->NextDeadline;
        }

        thread->NextDeadline = previous->NextDeadline;
        previous->NextDeadline = thread;
    }

    public static void Remove(Thread* thread)
    {
        if (!thread->HasDeadline)
        {
            return;
        }

        thread->HasDeadline = false;
        if (s_first == thread)
        {
            s_first = thread->NextDeadline;
            return;
        }

        Thread* previous = s_first;
        while (previous->NextDeadline != thread)
        {
            previous = previous->NextDeadline;
        }

        previous->NextDeadline = thread->NextDeadline;
    }

    /// <summary>Takes a thread whose deadline has passed; null when there is none.</summary>
    public static Thread* TakeExpired(ulong now)
    {
        Thread* thread = s_first;
        if (thread == null || thread->Deadline > now)
        {
            return null;
        }

        s_first = thread->NextDeadline;
        thread->HasDeadline = false;
        return thread;
    }
}
