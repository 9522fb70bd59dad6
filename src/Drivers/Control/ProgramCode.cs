namespace Xenlet.Drivers;

/// <summary>
/// Calls code of the program on a thread of its own: it may block, and the program may have blocked every thread of the pool. What such
/// code awaits goes on by the pool.
/// </summary>
internal static class ProgramCode
{
    public static Task RunAsync(Func<Task> call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();

    public static Task<T> RunAsync<T>(Func<T> call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
