namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>The threads that are ready to run, first come, first served.</summary>
internal static unsafe class RunQueue
{
    private static Thread* s_head;
    private static Thread* s_tail;

    /// <summary>The last urgent thread in the queue, or null.</summary>
    private static Thread* s_lastUrgent;

    public static bool IsEmpty => s_head == null;

    public static void Append(Thread* thread)
    {
        thread->Next = null;
        if (s_head == null)
        {
            s_head = thread;
        }
        else
        {
            s_tail->Next = thread;
        }

        s_tail = thread;
    }

    /// <summary>
    /// Queues a thread before all others but behind the earlier urgent ones: a device or the clock woke it, and it should not wait for
    /// other threads' time slices.
    /// </summary>
    public static void AddUrgent(Thread* thread)
    {
        AddBehindUrgent(thread);
        s_lastUrgent = thread;
    }

    /// <summary>Queues a thread before those that are not urgent.</summary>
    public static void AddBehindUrgent(Thread* thread)
    {
        if (s_lastUrgent == null)
        {
            thread->Next = s_head;
            s_head = thread;
        }
        else
        {
            thread->Next = s_lastUrgent->Next;
            s_lastUrgent->Next = thread;
        }

        if (thread->Next == null)
        {
            s_tail = thread;
        }
    }

    /// <summary>Queues a thread before all others.</summary>
    public static void AddFirst(Thread* thread)
    {
        thread->Next = s_head;
        s_head = thread;
        if (thread->Next == null)
        {
            s_tail = thread;
        }

        if (s_lastUrgent == null)
        {
            s_lastUrgent = thread;
        }
    }

    /// <summary>Removes and returns the first thread, or null.</summary>
    public static Thread* Take()
    {
        Thread* thread = s_head;
        if (thread != null)
        {
            s_head = thread->Next;
            if (thread == s_lastUrgent)
            {
                s_lastUrgent = null;
            }
        }

        return thread;
    }
}
