using System.Diagnostics;

namespace Xenlet.XenStoreRing.Tests;

/// <summary>Awaiting with a limit, so that a hang is a failure that says where.</summary>
internal static class Patience
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(Limit);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Limit);

    public static Task Soon(this Task task) => task.WaitAsync(Limit);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Limit);

    /// <summary>Waits until a condition holds.</summary>
    public static async Task Until(Func<bool> condition)
    {
        long began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Limit, "The condition did not come about.");
            await Task.Delay(5);
        }
    }

    public static async Task<XenStoreException> Fails<T>(ValueTask<T> task) =>
        await Assert.ThrowsAsync<XenStoreException>(() => task.Soon());

    public static async Task<XenStoreException> Fails(ValueTask task) =>
        await Assert.ThrowsAsync<XenStoreException>(() => task.Soon());
}
