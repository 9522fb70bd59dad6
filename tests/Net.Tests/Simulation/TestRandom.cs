namespace Xenlet.Net.Tests.Simulation;

/// <summary>Randomness of a seed.</summary>
internal sealed class TestRandom(int seed) : IRandomSource
{
    private readonly Random _random = new(seed);

    /// <summary>What makes it fail.</summary>
    public TestFaults? Faults { get; init; }

    public void Fill(Span<byte> buffer)
    {
        Faults?.Step();
        _random.NextBytes(buffer);
    }
}
