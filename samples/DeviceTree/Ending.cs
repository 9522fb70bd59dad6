using System.Runtime.InteropServices;

namespace Xenlet.Samples;

/// <summary>Waits until somebody wants the program to end.</summary>
internal static class Ending
{
    /// <summary>
    /// Waits for <c>xl shutdown</c> or <c>xl reboot</c>, which come as SIGTERM, Ctrl-C or Ctrl-D on the console, or the time limit, and
    /// says which it was.
    /// </summary>
    public static async Task<string> WaitAsync(TimeSpan? limit)
    {
        TaskCompletionSource<string> ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration asked = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            // The program ends by itself, in order.
            signal.Cancel = true;
            ending.TrySetResult("asked to shut down");
        });
        Console.CancelKeyPress += (_, key) =>
        {
            key.Cancel = true;
            ending.TrySetResult("Ctrl-C");
        };

        // The console's reader blocks its thread; the program's end does not wait for it.
        new Thread(() =>
        {
            while (Console.In.ReadLine() is not null)
            {
            }

            ending.TrySetResult("end of input");
        })
        { IsBackground = true, Name = "console input" }.Start();

        Task time = Task.Delay(limit ?? Timeout.InfiniteTimeSpan);
        return await Task.WhenAny(ending.Task, time) == time ? "the time is over" : await ending.Task;
    }
}
