using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>
/// The threads that wait for one thing, longest first. Whoever owns the thing owns the queue, in memory that stays where it is. A thread
/// may wait in several; it leaves all of them when it wakes, whatever woke it. To join, to leave and to wake take a constant time each,
/// however many threads wait for other things.
/// </summary>
internal unsafe struct WaitQueue
{
    /// <summary>
    /// Places beyond each thread's first that can be taken at once. A thread waits in one queue nearly always; in more when it polls, for
    /// each of at most 64 descriptors.
    /// </summary>
    public const int MostFurtherEntries = 1024;

    private static Slab s_furtherEntries;
    private static int s_furtherEntriesInUse;

    private WaitEntry* _last;

    /// <summary>The place of the thread that has waited longest; null when none waits.</summary>
    public WaitEntry* First { get; private set; }

    /// <summary>Appends a thread, which is about to block.</summary>
    /// <returns>Its place, whose key and bits are the caller's to set; null when no further one can be had, never for a thread's first
    /// queue.</returns>
    public static WaitEntry* Join(WaitQueue* queue, Thread* thread)
    {
        WaitEntry* entry = thread->Entries == null ? &thread->FirstEntry : TakeFurtherEntry();
        if (entry == null)
        {
            return null;
        }

        *entry = new WaitEntry { Thread = thread, Queue = queue, Previous = queue->_last, NextOfThread = thread->Entries };
        thread->Entries = entry;
        if (queue->_last == null)
        {
            queue->First = entry;
        }
        else
        {
            queue->_last->Next = entry;
        }

        queue->_last = entry;
        return entry;
    }

    /// <summary>Takes a thread out of all queues that it waits in.</summary>
    public static void LeaveAll(Thread* thread)
    {
        while (thread->Entries != null)
        {
            WaitEntry* entry = thread->Entries;
            thread->Entries = entry->NextOfThread;
            Unlink(entry);
            if (entry != &thread->FirstEntry)
            {
                s_furtherEntriesInUse--;
                s_furtherEntries.Return(entry, sizeof(WaitEntry), spare: 0);
            }
        }
    }

    /// <summary>Something has changed: each waiting thread makes its call again, which waits again if it has to.</summary>
    public static void WakeAll(WaitQueue* queue)
    {
        while (queue->First != null)
        {
            Scheduler.WakeToCallAgain(queue->First->Thread);
        }
    }

    private static void Unlink(WaitEntry* entry)
    {
        if (entry->Previous == null)
        {
            entry->Queue->First = entry->Next;
        }
        else
        {
            entry->Previous->Next = entry->Next;
        }

        if (entry->Next == null)
        {
            entry->Queue->_last = entry->Previous;
        }
        else
        {
            entry->Next->Previous = entry->Previous;
        }
    }

    private static WaitEntry* TakeFurtherEntry()
    {
        if (s_furtherEntriesInUse == MostFurtherEntries || !s_furtherEntries.TryReserve(1, sizeof(WaitEntry)))
        {
            return null;
        }

        s_furtherEntriesInUse++;
        return (WaitEntry*)s_furtherEntries.Take(sizeof(WaitEntry));
    }
}
