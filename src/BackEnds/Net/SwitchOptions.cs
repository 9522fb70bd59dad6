namespace Xenlet.BackEnds;

/// <summary>Options of a <see cref="LearningSwitch"/>.</summary>
public sealed record SwitchOptions
{
    /// <summary>The most hardware addresses that are learned behind one port.</summary>
    public int AddressesPerPort { get; init; } = 1024;

    /// <summary>How long a learned address is kept: 300 seconds, as IEEE 802.1D recommends.</summary>
    public TimeSpan AddressLifetime { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>Bytes a second that a front end may send; null for no limit. Further frames are dropped.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>Bytes that it may send at once, after a pause.</summary>
    public int BurstBytes { get; init; } = 1 << 20;

    /// <summary>Copies of frames to several ports that a port may cause in a second, and at once.</summary>
    public int CopiesPerSecond { get; init; } = 20_000;

    /// <summary>Which packets may go from one port to another; null for all. One filter serves one switch.</summary>
    public PacketFilter? Filter { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
