using System.Globalization;

namespace Xenlet.QemuXen.Commands;

/// <summary>What is done to a guest while it runs, so that it has something to show: then it is shut down.</summary>
internal static class GuestShow
{
    /// <summary>How long a guest may take to follow <c>xl shutdown</c>.</summary>
    public static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(30);

    /// <summary>A command in dom0 takes as long as it takes; the user, or the guest's end, ends it.</summary>
    private static readonly TimeSpan CommandLimit = TimeSpan.FromDays(1);

    /// <summary>Does it all, saying each step, and stops without a word when the guest ends meanwhile.</summary>
    /// <param name="machine">Where the guest runs.</param>
    /// <param name="guest">The guest.</param>
    /// <param name="pluggedDisk">Name for the guest of a disk to plug and unplug, such as xvdb, if any.</param>
    /// <param name="dom0Command">Shell command for dom0, if any.</param>
    /// <param name="shutdownLimit">As <see cref="ShutdownLimit"/>.</param>
    /// <param name="progress">Receives a line before each step, and what the command says.</param>
    /// <param name="cancellationToken">The guest has ended.</param>
    /// <returns>Null, or what went wrong.</returns>
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
                // xl itself waits for a guest that does not take notice.
                await guest.ShutdownAsync(limit.Token);
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
