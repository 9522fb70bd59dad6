namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>Randomness that a seed repeats.</summary>
internal sealed class SeededRandom(int seed) : IRandomSource
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> buffer) => _random.NextBytes(buffer);
}
