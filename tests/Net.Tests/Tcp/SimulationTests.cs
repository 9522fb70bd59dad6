using System.Globalization;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>Random transfers. XENLET_SEED runs one scenario alone.</summary>
public sealed class SimulationTests
{
    private const int SoakPart = 1_000;

    private static readonly string? Seed = Environment.GetEnvironmentVariable("XENLET_SEED");

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(200)]
    [InlineData(300)]
    [InlineData(400)]
    public void Whatever_the_path_does_every_byte_arrives_once_and_in_order_and_nothing_is_left(int first) => Run(first, 100);

    /// <summary>Twenty thousand scenarios, in parts, so that one that fails hides none of another part.</summary>
    public static TheoryData<int> SoakParts => [.. Enumerable.Range(0, 20).Select(part => 1_000_000 + (part * SoakPart))];

    [Theory]
    [MemberData(nameof(SoakParts))]
    [Trait("Category", "Soak")]
    public void Nor_in_twenty_thousand_scenarios(int first) => Run(first, SoakPart);

    private static void Run(int first, int count)
    {
        if (Seed is not null)
        {
            RunOne(int.Parse(Seed, CultureInfo.InvariantCulture));
            return;
        }

        for (int seed = first; seed < first + count; seed++)
        {
            RunOne(seed);
        }
    }

    private static void RunOne(int seed)
    {
        Scenario scenario = new(seed);
        try
        {
            scenario.Run();
            Assert.Empty(TcpFlightsTests.Differences(new TcpFlight(), TcpFlight.None));
        }
        catch (Exception e)
        {
            Assert.Fail($"XENLET_SEED={seed} fails: {scenario.Description}: {e}");
        }
    }
}
