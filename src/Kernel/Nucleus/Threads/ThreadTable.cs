namespace Xenlet.Kernel.Nucleus;

/// <summary>All threads, and the pool that <see cref="Thread"/> structures come from.</summary>
internal static unsafe class ThreadTable
{
    private static Thread* s_first;
    private static Thread* s_free;
    private static int s_nextId;

    public static Thread* First => s_first;

    /// <summary>Number of live threads, the idle thread not counted.</summary>
    public static int Count { get; private set; }

    /// <summary>A zeroed thread with an id of its own; null when memory is exhausted.</summary>
    public static Thread* Create()
    {
        Thread* thread = Allocate();
        if (thread == null)
        {
            return null;
        }

        thread->Id = ++s_nextId;
        thread->NextInProcess = s_first;
        s_first = thread;
        Count++;
        return thread;
    }

    /// <summary>A zeroed thread that is not of the process: the idle thread.</summary>
    public static Thread* Allocate()
    {
        if (s_free == null)
        {
            ulong frame = FrameAllocator.AllocateForNucleus();
            if (frame == 0)
            {
                return null;
            }

            // 16-byte aligned, as FXSAVE needs.
            ulong size = ((ulong)sizeof(Thread) + 15) & ~15UL;
            byte* pool = DirectMap.Bytes(frame);
            for (ulong offset = 0; offset + size <= Pages.Size; offset += size)
            {
                Release((Thread*)(pool + offset));
            }
        }

        Thread* thread = s_free;
        s_free = thread->Next;
        Machine.Fill(thread, 0, (nuint)sizeof(Thread));
        return thread;
    }

    public static Thread* Find(int id)
    {
        Thread* thread = s_first;
        while (thread != null && thread->Id != id)
        {
            thread = thread->NextInProcess;
        }

        return thread;
    }

    /// <summary>Forgets an ended thread, which must be in no queue.</summary>
    public static void Remove(Thread* thread)
    {
        if (s_first == thread)
        {
            s_first = thread->NextInProcess;
        }
        else
        {
            Thread* previous = s_first;
            while (previous->NextInProcess != thread)
            {
                previous = previous->NextInProcess;
            }

            previous->NextInProcess = thread->NextInProcess;
        }

        Count--;
        Release(thread);
    }

    private static void Release(Thread* thread)
    {
        thread->Next = s_free;
        s_free = thread;
    }
}
