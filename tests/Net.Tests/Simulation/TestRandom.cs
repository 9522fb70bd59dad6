namespace Xenlet.Net.Tests.Simulation;

/// <summary>Randomness of a seed.</summary>
internal sealed class TestRandom(int seed) : IRandomSource
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> buffer) => _random.NextBytes(buffer);
}
