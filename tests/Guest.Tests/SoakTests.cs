using Xenlet.GuestImage;

namespace Xenlet.Guest.Tests;

/// <summary>The cases over and over, in new guests: what fails once in a hundred times fails here. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
public abstract class SoakTests(World world)
{
    private const int Rounds = 25;

    /// <summary>The cases that only the long tests run.</summary>
    public static TheoryData<string> SoakCases => new(CaseTable.All.Where(entry => entry.Kind == CaseKind.Soak).Select(entry => entry.Name));

    /// <summary>Where the guests are booted.</summary>
    protected World Place => world;

    [Fact]
    public async Task All_cases_pass_many_times_in_a_row()
    {
        for (int round = 1; round <= Rounds; round++)
        {
            EndedGuest guest = await world.RunCaseAsync("all");
            Assert.True(guest.End.ExitStatus == 0, $"round {round} of {Rounds}, {guest.End}:\n{guest.Console}");
        }
    }
}

/// <inheritdoc/>
[Collection(UnderXen.Name)]
public sealed class SoakTestsUnderXen(XenWorld world) : SoakTests(world)
{
    [Theory]
    [MemberData(nameof(SoakCases))]
    public async Task A_long_case_passes(string name) => (await Place.RunCaseAsync(name)).AssertExited(0);
}

/// <inheritdoc/>
[Collection(WithoutXen.Name)]
public sealed class SoakTestsWithoutXen(DirectWorld world) : SoakTests(world);
