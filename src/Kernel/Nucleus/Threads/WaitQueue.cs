namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>
/// The threads that wait for one thing, longest first. Whoever knows the thing owns the queue, in memory that stays where it is; the
/// scheduler takes a thread out when it wakes, whatever woke it. All of it takes a constant time.
/// </summary>
internal unsafe struct WaitQueue
{
    /// <summary>The thread that has waited longest; null when none waits.</summary>
    public Thread* First;

    private Thread* _last;

    /// <summary>Appends a thread, which waits in no queue.</summary>
    public static void Append(WaitQueue* queue, Thread* thread)
    {
        thread->Queue = queue;
        thread->Next = null;
        thread->Previous = queue->_last;
        if (queue->_last == null)
        {
            queue->First = thread;
        }
        else
        {
            queue->_last->Next = thread;
        }

        queue->_last = thread;
    }

    /// <summary>Takes a thread out of the queue that it waits in, if it waits in one.</summary>
    public static void Remove(Thread* thread)
    {
        WaitQueue* queue = thread->Queue;
        if (queue == null)
        {
            return;
        }

        thread->Queue = null;
        if (thread->Previous == null)
        {
            queue->First = thread->Next;
        }
        else
        {
            thread->Previous->Next = thread->Next;
        }

        if (thread->Next == null)
        {
            queue->_last = thread->Previous;
        }
        else
        {
            thread->Next->Previous = thread->Previous;
        }
    }
}
