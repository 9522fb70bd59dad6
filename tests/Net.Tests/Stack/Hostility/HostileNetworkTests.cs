using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Stack.Hostility;

/// <summary>Whatever others send, the stack keeps bounded memory, answers little, and serves its connections.</summary>
public sealed class HostileNetworkTests
{
    private const int Frames = 1_500;

    /// <summary>By how many bytes memory may grow when what fills the tables has filled them.</summary>
    private const long MostGrowth = 1 << 10;

    public static TheoryData<string> Names => [.. Attacks.All.Select(attack => attack.Name)];

    /// <summary>What the victim sends in the second half without an attack.</summary>
    private static long Quiet { get; } = Halves(new HostileNetwork(), Attacks.None).Sent;

    [Theory]
    [MemberData(nameof(Names))]
    public void Under_any_attack_memory_and_answers_are_bounded_and_connections_go_on(string name)
    {
        Attack attack = Attacks.All.Single(each => each.Name == name);
        HostileNetwork network = new();
        (long taken, long grown, long sent) = Halves(network, attack);

        Assert.InRange(taken >> 10, long.MinValue, attack.MostKibibytes);
        Assert.InRange(grown, long.MinValue, MostGrowth);
        Assert.InRange((sent - Quiet) / (double)Frames, -1, attack.MostAnswers);
        network.AssertNothingIsLeft(name);
    }

    /// <summary>
    /// Lets an attack fill what it can, and go on as long again: memory taken in all and in the second half, and frames sent in that.
    /// </summary>
    private static (long Taken, long Grown, long Sent) Halves(HostileNetwork network, Attack attack)
    {
        long before = RetainedMemory.Of(network.Victim.Stack);
        network.Endure(attack, 0, Frames);
        long filled = RetainedMemory.Of(network.Victim.Stack);
        long sent = network.Sent;
        network.Endure(attack, Frames, Frames);
        long full = RetainedMemory.Of(network.Victim.Stack);
        return (full - before, full - filled, network.Sent - sent);
    }
}
