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
        TaskCompletionSource<string> asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration shutdown = PosixSignalRegistration.Create(
            PosixSignal.SIGTERM, signal => End(signal, "asked to shut down"));
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => End(signal, "Ctrl-C"));
        Task time = Task.Delay(limit ?? Timeout.InfiniteTimeSpan);
        Task input = Task.Run(Console.In.ReadToEnd);
        Task first = await Task.WhenAny(asked.Task, time, input);
        return first == time ? "the time is over" : first == input ? "end of input" : await asked.Task;

        // The program ends by itself, in order.
        void End(PosixSignalContext signal, string reason)
        {
            signal.Cancel = true;
            asked.TrySetResult(reason);
        }
    }
}
