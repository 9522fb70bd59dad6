namespace Xenlet.QemuXen.Base;

/// <summary>Waits with a limit, whose error says what was awaited and how long.</summary>
internal static class Limits
{
    /// <summary>The longest limit that timers take: 2^32 - 2 milliseconds.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    /// <summary>Applies a machine's factor to a limit. No limit remains none.</summary>
    public static TimeSpan Scale(TimeSpan limit, double factor) =>
        limit == Timeout.InfiniteTimeSpan ? limit : limit >= Longest / factor ? Longest : limit * factor;

    /// <summary>Waits for a task. If the limit passes, the message names what was awaited and shows the logs.</summary>
    /// <param name="task">The awaited task.</param>
    /// <param name="limit">The time limit.</param>
    /// <param name="what">The subject of the message, as in "dom0 to be ready".</param>
    /// <param name="logs">Called only on failure; returns the last lines of the relevant logs.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task WithinAsync(
        this Task task, TimeSpan limit, string what, Func<string> logs, CancellationToken cancellationToken)
    {
        try
        {
            await task.WaitAsync(limit, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new QemuXenException($"Waited {limit.TotalSeconds:0.#} s for {what}.\n{logs()}");
        }
    }

    /// <summary>A titled extract of a log for a message, or an empty string if the log is empty.</summary>
    public static string Extract(string title, string lines) =>
        lines.Length == 0 ? "" : $"--- last lines of {title}:\n{lines}\n";
}
