namespace Xenlet.Bench;

/// <summary>All figures of a run, filled as they are measured.</summary>
internal sealed class Results
{
    public Heading Heading { get; set; } = new("", "", "", "", "");

    /// <summary>The host's load average over one minute, before each measurement.</summary>
    public Series Loads { get; } = new();

    public StartTimes HelloStart { get; } = new();

    public StartTimes LinuxStart { get; } = new();

    public OneLineRuns OneLineRuns { get; } = new();

    /// <summary>Starts of the guest in which work is measured; it has more memory than Hello.</summary>
    public StartTimes XenletWorkStart { get; } = new();

    public WorkResults XenletWork { get; } = new();

    public WorkResults LinuxWork { get; } = new();

    public StoreResults Store { get; } = new();

    public BusResults Bus { get; } = new();

    public DiskResults Disks { get; } = new();

    public NetworkResults Network { get; } = new();

    public TcpResults Tcp { get; } = new();

    public WebResults Web { get; } = new();

    public BackEndResults BackEnds { get; } = new();

    public Footprint OneLine { get; } = new();

    public Footprint Hello { get; } = new();
}

/// <summary>What a program needs.</summary>
internal sealed class Footprint
{
    /// <summary>Bytes of the image without symbols.</summary>
    public long Size { get; set; }

    /// <summary>Least <c>memory=</c> in which it runs to its end, in MiB; null if that could not be measured.</summary>
    public int? LeastMemory { get; set; }
}
