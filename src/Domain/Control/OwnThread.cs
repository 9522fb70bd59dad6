namespace Xenlet.Domain;

/// <summary>
/// Calls what may block, code of the program or a write to the console, on a thread of its own: it holds up nobody but whoever waits for
/// it, and needs none of the pool, whose threads the program may have blocked. What such code awaits goes on by the pool.
/// </summary>
internal static class OwnThread
{
    public static Task RunAsync(Action call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public static Task RunAsync(Func<Task> call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();

    public static Task<string> RunAsync(Func<string> call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
