namespace Xenlet.Net.Tests.Simulation;

/// <summary>Counts what work leaves to the collector.</summary>
internal static class Garbage
{
    private const int Attempts = 5;

    /// <summary>
    /// The least number of bytes that work allocates, of several turns: the first ones make buffers, and the runtime's own work on a method
    /// that gets faster allocates now and then.
    /// </summary>
    public static long Least(Action work)
    {
        long least = long.MaxValue;
        for (int attempt = 0; attempt < Attempts && least > 0; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
