namespace Xenlet.Bench;

/// <summary>What was measured of back ends.</summary>
internal sealed class BackEndResults
{
    /// <summary>How many disks a domain has that serves them, when its memory is read.</summary>
    public IReadOnlyList<int> DiskCounts { get; set; } = [];

    /// <summary>Memory of the domain that serves many disks, in MiB.</summary>
    public int Memory { get; set; }

    /// <summary>A Xenlet's disks.</summary>
    public BackEndKindResults Xenlet { get; } = new();

    /// <summary>Those of dom0's Linux.</summary>
    public BackEndKindResults Linux { get; } = new();

    /// <summary>Two Xenlets on the switch of a Xenlet.</summary>
    public BackEndKindResults XenletsOnSwitch { get; } = new();

    /// <summary>Two Linux guests on the switch of a Xenlet.</summary>
    public BackEndKindResults LinuxOnSwitch { get; } = new();

    /// <summary>Two Linux guests on a bridge of dom0's Linux.</summary>
    public BackEndKindResults LinuxOnBridge { get; } = new();

    /// <summary>A Linux guest and dom0, through the switch of a Xenlet and its uplink.</summary>
    public BackEndKindResults ThroughUplink { get; } = new();

    /// <summary>A Linux guest and dom0, on a bridge of dom0.</summary>
    public BackEndKindResults ToDom0 { get; } = new();
}

/// <summary>What was measured of one kind of back ends.</summary>
internal sealed class BackEndKindResults
{
    /// <summary>Of the front ends' programs: by the work's name, a dot and the figure's name, for one operation.</summary>
    public WorkResults FrontEnd { get; } = new();

    /// <summary>The same of the domain that serves it; also "disks-N.free", bytes that are free with N disks.</summary>
    public WorkResults BackEnd { get; } = new();

    /// <summary>From the start of <c>xl block-attach</c> until the back end is connected, in milliseconds.</summary>
    public Series Attach { get; } = new();
}
