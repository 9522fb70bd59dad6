using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>All threads.</summary>
internal static unsafe class ThreadTable
{
    private static Thread* s_first;
    private static Slab s_slab;
    private static int s_nextId;

    public static Thread* First => s_first;

    /// <summary>The number of live threads, without the idle thread.</summary>
    public static int Count { get; private set; }

    /// <summary>Creates a zeroed thread with its own id. Returns null if memory is exhausted.</summary>
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

    /// <summary>Creates a zeroed thread that does not belong to the process: the idle thread.</summary>
    public static Thread* Allocate()
    {
        // The slab aligns its objects to 16 bytes, as FXSAVE requires.
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

    /// <summary>Removes an ended thread, which must be in no queue.</summary>
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
