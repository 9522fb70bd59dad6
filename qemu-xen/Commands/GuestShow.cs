using System.Globalization;

namespace Xenlet.QemuXen.Commands;

/// <summary>Exercises a guest while it runs, and then shuts it down.</summary>
internal static class GuestShow
{
    /// <summary>A command in dom0 has no limit of its own; the user or the guest's end ends it.</summary>
    private static readonly TimeSpan CommandLimit = TimeSpan.FromDays(1);

    /// <summary>Runs all steps and reports each. Stops silently if the guest ends meanwhile.</summary>
    /// <param name="machine">The guest's machine.</param>
    /// <param name="guest">The guest.</param>
    /// <param name="pluggedDisk">The guest's name for a disk to plug and unplug, such as xvdb, or null.</param>
    /// <param name="dom0Command">A shell command for dom0, or null.</param>
    /// <param name="shutdownLimit">How long the guest may take to act on <c>xl shutdown</c>.</param>
    /// <param name="progress">Receives a line before each step, and the command's output.</param>
    /// <param name="cancellationToken">Cancelled when the guest has ended.</param>
    /// <returns>Null, or a description of the failure.</returns>
    public static async Task<string?> RunAsync(
        XenMachine machine,
        XenGuest guest,
        string? pluggedDisk,
        string? dom0Command,
        TimeSpan shutdownLimit,
        IProgress<string>? progress,
        CancellationToken cancellationToken)
    {
        string? problem = null;
        try
        {
            if (pluggedDisk is not null)
            {
                await HotPlugShow.RunAsync(machine, guest, pluggedDisk, progress, cancellationToken);
            }

            if (dom0Command is not null)
            {
                int status = await RunInDom0Async(machine, guest, dom0Command, progress, cancellationToken);
                problem = status == 0 ? null : $"The command in dom0 ended with status {status}.";
            }

            progress?.Report($"xl shutdown {guest.Name}");
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(machine.Scale(shutdownLimit));
            try
            {
                // xl itself waits for a guest that does not react.
                await AskAsync(guest, limit.Token);
                await guest.WaitForEndAsync(Timeout.InfiniteTimeSpan, limit.Token);
                return problem;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                await guest.DestroyAsync(CancellationToken.None);
                return Both(
                    problem, $"{guest.Name} did not follow xl shutdown within {shutdownLimit.TotalSeconds:0} s, and was destroyed.");
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (QemuXenException failure)
        {
            await guest.DestroyAsync(CancellationToken.None);
            return Both(problem, failure.Message);
        }
    }

    private static async Task AskAsync(XenGuest guest, CancellationToken cancellationToken)
    {
        try
        {
            await guest.ShutdownAsync(cancellationToken);
        }
        catch (QemuXenException)
        {
            // The command may have had it shut down: there is no such domain any more. One that is there is waited for in vain.
        }
    }

    private static string Both(string? first, string second) => first is null ? second : $"{first}\n{second}";

    private static async Task<int> RunInDom0Async(
        XenMachine machine, XenGuest guest, string command, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        string script = string.Create(CultureInfo.InvariantCulture, $"""
            exec 2>&1
            export GUEST={guest.DomainId}
            {command}
            """);
        return (await machine.RunInDom0Async(script, new Prefixed(progress), CommandLimit, cancellationToken)).ExitCode;
    }

    private sealed class Prefixed(IProgress<string>? progress) : IProgress<string>
    {
        public void Report(string value) => progress?.Report($"dom0: {value}");
    }
}
