using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>All threads.</summary>
internal static unsafe class ThreadTable
{
    private static Thread* s_first;
    private static Slab s_slab;
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
        // The slab aligns its objects to 16 bytes, as FXSAVE needs.
        return s_slab.TryReserve(1, sizeof(Thread)) ? (Thread*)s_slab.Take(sizeof(Thread)) : null;
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
        s_slab.Return(thread, sizeof(Thread), spare: 0);
    }
}
