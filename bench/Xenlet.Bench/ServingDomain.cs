using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>A domain with back ends: a Xenlet, or dom0.</summary>
/// <param name="Domain">Its number.</param>
/// <param name="Name">The Xenlet's name, for <c>backend=</c>; null for dom0.</param>
/// <param name="Program">Its program; null for dom0.</param>
internal sealed record ServingDomain(int Domain, string? Name, MeasuredGuest? Program)
{
    public static ServingDomain Dom0 { get; } = new(0, null, null);

    /// <summary>Has others do work that this domain serves, and has its program count what it spends on it.</summary>
    /// <param name="times">The processor times of all domains that take part.</param>
    /// <param name="nothing">What these are of telling the others something.</param>
    /// <param name="name">What the work is called.</param>
    /// <param name="workAsync">Has it done.</param>
    /// <param name="count">How many operations it was, once it is done.</param>
    /// <returns>Nanoseconds of each domain for one operation.</returns>
    public async Task<double[]> MeasureAsync(
        DomainTimes times, double[] nothing, string name, Func<Task> workAsync, Func<int> count)
    {
        await TellAsync($"begin {name}");
        double[] took = await times.MeasureAsync(workAsync);
        await TellAsync(string.Create(CultureInfo.InvariantCulture, $"end {count()}"));
        return [.. took.Zip(nothing, (all, idle) => (all - idle) / count())];
    }

    public Task TellAsync(string line) => Program?.TellAsync(line) ?? Task.CompletedTask;

    /// <summary>A virtual interface in the words of xl, which joins the Xenlet's switch or a bridge of dom0.</summary>
    public string Interface(string address) => Name is null ? $"mac={address},bridge=xenbr0" : $"mac={address},backend={Name}";

    /// <summary>A disk in the words of xl.</summary>
    /// <param name="target">What the Xenlet serves.</param>
    /// <param name="device">The virtual device.</param>
    /// <param name="path">What dom0 serves.</param>
    public string Disk(string target, string device, string path) => Name is null
        ? GuestConfig.RawDisk(path, device)
        : $"format=raw,vdev={device},access=rw,backend={Name},target={target}";
}
