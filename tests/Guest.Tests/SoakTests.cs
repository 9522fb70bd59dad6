namespace Xenlet.Guest.Tests;

/// <summary>The cases over and over, in new guests: what fails once in a hundred times fails here. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
public abstract class SoakTests(World world)
{
    private const int Rounds = 25;
    private const int Seeds = 10;
    private const int CallsOfSeed = 500_000;
    private const int SmallWrites = 1_000_000;

    [Fact]
    public async Task All_cases_pass_many_times_in_a_row()
    {
        for (int round = 1; round <= Rounds; round++)
        {
            EndedGuest guest = await world.RunCaseAsync("all");
            Assert.True(guest.End.ExitStatus == 0, $"round {round} of {Rounds}, {guest.End}:\n{guest.Console}");
        }
    }

    [Fact]
    public async Task A_million_small_writes_of_a_file_are_all_there()
    {
        EndedGuest guest = await world.RunCaseAsync($"tmp-small-writes-of-count {SmallWrites}");
        Assert.True(guest.End.ExitStatus == 0, $"{guest.End}:\n{guest.Console}");
    }

    /// <summary>See RandomCallCases of the image.</summary>
    [Fact]
    public async Task Whatever_system_calls_a_program_makes_the_nucleus_lives_and_has_its_memory_back()
    {
        for (int seed = 1; seed <= Seeds; seed++)
        {
            EndedGuest guest = await world.RunCaseAsync($"random-system-calls-of-seed {seed} {CallsOfSeed}");
            Assert.True(guest.End.ExitStatus == 0, $"seed {seed}, {guest.End}:\n{guest.Console}");
        }
    }
}

/// <inheritdoc/>
[Collection(UnderXen.Name)]
public sealed class SoakTestsUnderXen(XenWorld world) : SoakTests(world);

/// <inheritdoc/>
[Collection(WithoutXen.Name)]
public sealed class SoakTestsWithoutXen(DirectWorld world) : SoakTests(world);
