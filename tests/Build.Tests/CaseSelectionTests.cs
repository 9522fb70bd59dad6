using Xenlet.GuestImage;

namespace Xenlet.Build.Tests;

public sealed class CaseSelectionTests
{
    [Fact]
    public void Cases_that_share_a_boot_are_judged_by_their_lines()
    {
        CaseSelection selection = CaseSelection.Read(["null-read", "guid-new", "fifty-threads"], CaseTable.All);

        TestCount count = selection.Judge(1, "guid 1\r\ncase null-read: ok\r\ncase guid-new: FAILED it was zero\r\n");

        Assert.Equal(["null-read", "guid-new", "fifty-threads"], selection.Arguments);
        Assert.Equal(new TestCount(1, 2, 0), count);
    }

    [Theory]
    [InlineData("case null-read: ok\n", 1)]
    [InlineData("case null-read: okay\n", 0)]
    [InlineData("case null-read-other: ok\n", 0)]
    [InlineData("x case null-read: ok\n", 0)]
    [InlineData("", 0)]
    public void Only_a_cases_own_word_counts(string console, int passed) =>
        Assert.Equal(new TestCount(passed, 1 - passed, 0), CaseSelection.Read(["null-read"], CaseTable.All).Judge(0, console));

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(3, 0, 1)]
    public void A_case_with_a_boot_of_its_own_has_arguments_and_is_judged_by_the_exit_status(int status, int passed, int failed)
    {
        CaseSelection selection = CaseSelection.Read(["clock", "3"], CaseTable.All);

        Assert.Equal(["clock", "3"], selection.Arguments);
        Assert.Equal(new TestCount(passed, failed, 0), selection.Judge(status, "case clock: ok\n"));
    }

    [Theory]
    [InlineData("nul-read", "close to it: null-read")]
    [InlineData("grant", "kernel-grant, kernel-grant-600")]
    [InlineData("qqqqqqqqqqqqqqq", "the subjects are exceptions, native")]
    [InlineData("clock", "alone")]
    [InlineData("exit-call", "./build.sh test Guest.Tests EndingTests")]
    public void What_cannot_be_run_so_is_named_with_what_can(string word, string expected)
    {
        BuildException failure = Assert.Throws<BuildException>(() => CaseSelection.Read(["null-read", word], CaseTable.All));

        Assert.Equal(2, failure.ExitStatus);
        Assert.Contains($"'{word}'", failure.Message, StringComparison.Ordinal);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("abc", "", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("null-read", "null-raed", 2)]
    public void The_distance_of_words_is_Levenshteins(string left, string right, int expected) =>
        Assert.Equal(expected, EditDistance.Between(left, right));
}
