namespace Xenlet.Kernel.Nucleus;

/// <summary>The threads that could run now, first come first served.</summary>
internal static unsafe class RunQueue
{
    private static Thread* s_head;
    private static Thread* s_tail;

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

    /// <summary>Puts a thread before all others: it was woken by a device or the clock, and should not wait for others' time slices.</summary>
    public static void Prepend(Thread* thread)
    {
        thread->Next = s_head;
        s_head = thread;
        if (thread->Next == null)
        {
            s_tail = thread;
        }
    }

    /// <summary>Takes the first thread; null when there is none.</summary>
    public static Thread* Take()
    {
        Thread* thread = s_head;
        if (thread != null)
        {
            s_head = thread->Next;
        }

        return thread;
    }
}
