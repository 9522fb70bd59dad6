namespace Xenlet.Domain;

/// <summary>
/// Runs a call that may block, such as code of the program or a write to the console, on a new thread. It delays only those who await it,
/// and needs no thread of the pool, all of which the program may have blocked. Code behind an await in the call continues on the pool.
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
