using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>Reads how long the processors of domains have run, as Xen counts it.</summary>
/// <param name="machine">Where they run.</param>
/// <param name="program">Path in dom0 of the program that asks Xen (<see cref="MeasuredGuest.ShareDomainTimeAsync"/>).</param>
/// <param name="domains">Their numbers.</param>
/// <param name="cancellationToken">Ends the measurement.</param>
internal sealed class DomainTimes(XenMachine machine, string program, IReadOnlyList<int> domains, CancellationToken cancellationToken)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>Until dom0 has done with the last command.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    /// <summary>What work takes of each domain's processor, in nanoseconds.</summary>
    /// <param name="runAsync">Has it done.</param>
    public async Task<double[]> MeasureAsync(Func<Task> runAsync)
    {
        double[] before = await ReadAsync();
        await Task.Delay(Quiet, cancellationToken);
        await runAsync();
        double[] after = await ReadAsync();
        return [.. after.Zip(before, (last, first) => last - first)];
    }

    private async Task<double[]> ReadAsync()
    {
        string numbers = string.Join(' ', domains.Select(domain => domain.ToString(CultureInfo.InvariantCulture)));
        string output = (await machine.RunInDom0Async($"LD_LIBRARY_PATH=/tmp/lib {program} {numbers}", Limit, cancellationToken))
            .ThrowIfFailed("the processor times of domains").Output;
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(time =>
            double.Parse(time, CultureInfo.InvariantCulture))];
    }
}
