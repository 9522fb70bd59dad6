namespace Xenlet.Net.Tests.Simulation;

/// <summary>A host's clocks: the network's time, less the time for which the host was saved. The time of day is everybody's.</summary>
internal sealed class HostClock(TestClock network) : IStackClock
{
    /// <summary>For how long it stood, in nanoseconds.</summary>
    public long Behind { get; set; }

    /// <summary>What makes it fail.</summary>
    public TestFaults? Faults { get; init; }

    public long Now
    {
        get
        {
            Faults?.Step();
            return network.Now - Behind;
        }
    }

    public DateTime UtcNow => network.UtcNow;
}
