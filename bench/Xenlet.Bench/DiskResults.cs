namespace Xenlet.Bench;

/// <summary>What was measured of disks.</summary>
internal sealed class DiskResults
{
    public DiskGuestResults Xenlet { get; } = new();

    public DiskGuestResults Linux { get; } = new();

    /// <summary>A Xenlet with less memory, as it would be given; saved and restored only.</summary>
    public SaveTimes SmallXenlet { get; } = new();
}

/// <summary>What was measured of disks in one kind of guest.</summary>
internal sealed class DiskGuestResults
{
    /// <summary>By <see cref="DiskWork.Name"/>, a dot and the figure's name: the figure for one operation.</summary>
    public WorkResults Work { get; } = new();

    public SaveTimes Save { get; } = new();

    /// <summary>Memory that is not free behind the work, in MiB, of all that the guest was given.</summary>
    public Series UsedMemory { get; } = new();

    /// <summary>A figure of one piece of work.</summary>
    public Series this[DiskWork work, string figure] => Work[$"{work.Name}.{figure}"];
}

/// <summary>How long it takes to save guests of one kind and to have them back, in milliseconds.</summary>
internal sealed class SaveTimes
{
    /// <summary>The command <c>xl save</c> from its start to its end.</summary>
    public Series Save { get; } = new();

    /// <summary>From the start of <c>xl restore</c> to the guest's first sign of life.</summary>
    public Series Restore { get; } = new();

    /// <summary>Size of the saved guest, in MiB.</summary>
    public Series Size { get; } = new();
}
