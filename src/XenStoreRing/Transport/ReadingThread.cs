namespace Xenlet.XenStoreRing;

/// <summary>
/// A thread that reads a transport and can run what its messages were waited for by, once another one waits for the next: a change of
/// threads less for each answer.
/// </summary>
internal static class ReadingThread
{
    [ThreadStatic]
    private static bool s_isReading;

    [ThreadStatic]
    private static IThreadPoolWorkItem? s_next;

    /// <summary>From here to <see cref="End"/> the calling thread hands messages over.</summary>
    public static void Begin() => s_isReading = true;

    /// <summary>Runs what was left, or lets the pool do it.</summary>
    /// <param name="isRelieved">Another thread waits for the next messages: what is run here may take any time.</param>
    public static void End(bool isRelieved)
    {
        s_isReading = false;
        if (s_next is not { } item)
        {
            return;
        }

        s_next = null;
        if (isRelieved)
        {
            item.Execute();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false);
        }
    }

    /// <summary>
    /// Runs an item soon, none behind another: on the pool, and the last one that a reading thread leaves on that thread.
    /// </summary>
    public static void Queue(IThreadPoolWorkItem item)
    {
        IThreadPoolWorkItem? now = item;
        if (s_isReading)
        {
            (now, s_next) = (s_next, item);
        }

        if (now is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(now, preferLocal: false);
        }
    }
}
