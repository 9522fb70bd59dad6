using Xenlet.XenStoreRing;

namespace Xenlet.Samples;

/// <summary>Waits until somebody wants the program to end.</summary>
internal static class Ending
{
    /// <summary>Waits for <c>xl shutdown</c>, Ctrl-C or Ctrl-D on the console, or the time limit, and says which it was.</summary>
    public static async Task<string> WaitAsync(XenStoreClient store, TimeSpan? limit)
    {
        TaskCompletionSource interrupted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Console.CancelKeyPress += (_, key) =>
        {
            key.Cancel = true;
            interrupted.TrySetResult();
        };

        // The console's reader blocks its thread; the program's end does not wait for it.
        TaskCompletionSource endOfInput = new(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            while (Console.In.ReadLine() is not null)
            {
            }

            endOfInput.TrySetResult();
        })
        { IsBackground = true, Name = "console input" }.Start();

        Task<string> shutdown = WaitForShutdownAsync(store);
        Task time = limit is { } longest ? Task.Delay(longest) : Task.Delay(Timeout.InfiniteTimeSpan);
        Task first = await Task.WhenAny(shutdown, interrupted.Task, endOfInput.Task, time);
        return first == shutdown ? await shutdown
            : first == interrupted.Task ? "Ctrl-C"
            : first == endOfInput.Task ? "end of input"
            : "the time is over";
    }

    /// <summary>
    /// <c>xl shutdown</c> and <c>xl reboot</c> write what they want to <c>control/shutdown</c>, and take the node's being emptied for the answer.
    /// </summary>
    private static async Task<string> WaitForShutdownAsync(XenStoreClient store)
    {
        const string node = "control/shutdown";
        await using XenStoreWatch watch = await store.WatchAsync(node);
        await foreach (XenStoreWatchEvent _ in watch)
        {
            if (await store.TryReadAsync(node) is { Length: > 0 } request)
            {
                await store.WriteAsync(node, "");
                if (request is "poweroff" or "halt" or "reboot")
                {
                    return $"asked to shut down: {request}";
                }

                Console.WriteLine($"asked for '{request}', which this program does not do");
            }
        }

        return "xenstore has ended";
    }
}
