namespace Xenlet.QemuXen.Base;

/// <summary>Waits that end in an error which says what was awaited and how long.</summary>
internal static class Limits
{
    /// <summary>Waits for a task; when the limit passes the message names what was awaited and shows the logs.</summary>
    /// <param name="task">What is awaited.</param>
    /// <param name="limit">How long at most.</param>
    /// <param name="what">Subject of the message, as in "dom0 to be ready".</param>
    /// <param name="logs">Called only on failure: the last lines of the logs that matter.</param>
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

    /// <summary>A titled extract of a log for a message, or nothing when the log is empty.</summary>
    public static string Extract(string title, string lines) =>
        lines.Length == 0 ? "" : $"--- last lines of {title}:\n{lines}\n";
}
