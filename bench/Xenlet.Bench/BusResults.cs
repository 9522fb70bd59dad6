namespace Xenlet.Bench;

/// <summary>What was measured of XenBus.</summary>
internal sealed class BusResults
{
    /// <summary>Numbers of devices whose tree is measured.</summary>
    public static IReadOnlyList<int> Counts { get; } = [2, 100, 1000];

    /// <summary>What BusBench measured of finding so many devices.</summary>
    public IReadOnlyDictionary<int, WorkResults> Trees { get; } = Counts.ToDictionary(count => count, _ => new WorkResults());

    /// <summary>How long Linux's kernel took to find so many, in milliseconds.</summary>
    public IReadOnlyDictionary<int, Series> Linux { get; } = Counts.ToDictionary(count => count, _ => new Series());

    /// <summary>What BusBench measured of disks that were plugged.</summary>
    public WorkResults Plugs { get; } = new();

    /// <summary>From the start of <c>xl block-attach</c> to the guest's line that the disk is connected, in milliseconds.</summary>
    public Series Plug { get; } = new();
}
