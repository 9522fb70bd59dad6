using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>
/// The threads that wait for one thing, longest-waiting first. The owner of the thing owns the queue and must not move it. A thread may
/// wait in several queues and leaves all of them when it wakes, whatever woke it. Joining, leaving and waking take constant time, however
/// many threads wait for other things.
/// </summary>
internal unsafe struct WaitQueue
{
    /// <summary>
    /// The maximum number of entries beyond each thread's first. A thread nearly always waits in one queue; in poll it waits in one for
    /// each of at most 64 descriptors.
    /// </summary>
    public const int MaximumExtraEntries = 1024;

    private static Slab s_extraEntries;
    private static int s_extraEntriesInUse;

    private WaitEntry* _last;

    /// <summary>The entry of the longest-waiting thread, or null.</summary>
    public WaitEntry* First { get; private set; }

    /// <summary>Appends a thread that is about to block.</summary>
    /// <returns>
    /// Its entry, whose key and bits the caller sets. Null if no additional entry is left; a thread's first entry never fails.
    /// </returns>
    public static WaitEntry* Join(WaitQueue* queue, Thread* thread)
    {
        WaitEntry* entry = thread->Entries == null ? &thread->FirstEntry : TakeExtraEntry();
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

    /// <summary>Removes a thread from all queues that it waits in.</summary>
    public static void LeaveAll(Thread* thread)
    {
        while (thread->Entries != null)
        {
            WaitEntry* entry = thread->Entries;
            thread->Entries = entry->NextOfThread;
            Unlink(entry);
            if (entry != &thread->FirstEntry)
            {
                s_extraEntriesInUse--;
                s_extraEntries.Return(entry, sizeof(WaitEntry), spare: 0);
            }
        }
    }

    /// <summary>Something has changed: each waiting thread retries its call, which waits again if it must.</summary>
    public static void WakeAll(WaitQueue* queue)
    {
        while (queue->First != null)
        {
            Scheduler.WakeToRetry(queue->First->Thread);
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

    private static WaitEntry* TakeExtraEntry()
    {
        if (s_extraEntriesInUse == MaximumExtraEntries || !s_extraEntries.TryReserve(1, sizeof(WaitEntry)))
        {
            return null;
        }

        s_extraEntriesInUse++;
        return (WaitEntry*)s_extraEntries.Take(sizeof(WaitEntry));
    }
}
