using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.GuestImage;

namespace Xenlet.Guest.Tests;

/// <summary>
/// The cases of the guest test image that share boots: exceptions, collector, threads, locks, timers, tasks, system, output.
/// </summary>
public abstract partial class SharedCaseTests(World world)
{
    /// <summary>Every case that can share a boot.</summary>
    public static TheoryData<string, string> SharedCases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (CaseEntry entry in CaseTable.All.Where(entry => entry.Kind is CaseKind.Shared or CaseKind.GuestOnly))
            {
                cases.Add(entry.Subject, entry.Name);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(SharedCases))]
    public async Task A_case_holds_in_a_guest(string subject, string name) => (await world.SharedAsync()).AssertOk(subject, name);

    [Fact]
    public async Task The_image_has_the_cases_of_the_table()
    {
        EndedGuest guest = (await world.RunCaseAsync("--list")).AssertExited(0);
        IEnumerable<string> listed = guest.Lines.Where(
            line => line.Split(' ').Length == 3 && !line.StartsWith("xenlet", StringComparison.Ordinal));
        Assert.Equal(CaseTable.All.Select(entry => $"{entry.Name} {entry.Subject} {entry.Kind}"), listed);
    }

    /// <summary>With OpenSSL's digests alone, as .NET here has them with all of OpenSSL.</summary>
    [Fact]
    public async Task Hashes_are_those_on_Linux() => Assert.Equal(
        DigestTable.Rows(),
        (await world.SharedAsync()).Lines.Where(line => line.StartsWith(DigestTable.Prefix, StringComparison.Ordinal)));

    [Fact]
    public async Task Output_of_200_KiB_arrives_whole_and_in_order()
    {
        SharedBoot boot = await world.SharedAsync();
        string[] expected = [.. Enumerable.Range(0, 4096).Select(i => $"large {i:D5} {new string((char)('a' + (i % 26)), 37)}")];
        Assert.Equal(expected, boot.Lines.Where(line => line.StartsWith("large ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Output_is_UTF_8() => Assert.Contains("utf8 [äöüß €uro 日本語 😀]", (await world.SharedAsync()).Lines);

    [Fact]
    public async Task Standard_error_is_the_console_too()
    {
        string[] lines = (await world.SharedAsync()).Lines;
        Assert.Contains("to standard error", lines);
        Assert.Contains("to standard output", lines);
    }

    [Fact]
    public async Task Lines_written_by_several_threads_do_not_mix()
    {
        string[] lines = [.. (await world.SharedAsync()).Lines.Where(line => line.StartsWith("writer ", StringComparison.Ordinal))];
        IEnumerable<string> expected = Enumerable.Range(0, 4).SelectMany(
            i => Enumerable.Range(0, 25).Select(n => $"writer {i} line {n} {new string((char)('A' + i), 20)}"));
        Assert.Equal(expected.Order(StringComparer.Ordinal), lines.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Two_boots_have_different_secrets()
    {
        SharedBoot first = await world.SharedAsync();
        EndedGuest second =
            (await world.RunCaseAsync("guid-new hash-code-seed stack-cookie-is-random addresses-are-random")).AssertExited(0);
        foreach (string prefix in (string[])["guid ", "string hash ", "stack cookie ", "mapping at ", "main stack at "])
        {
            string one = first.Lines.Single(line => line.StartsWith(prefix, StringComparison.Ordinal));
            string two = second.Lines.Single(line => line.StartsWith(prefix, StringComparison.Ordinal));
            Assert.NotEqual(one, two);
        }
    }

    [Fact]
    public async Task The_guests_clock_is_the_hosts()
    {
        DateTime before = await world.NowAsync();
        EndedGuest guest = (await world.RunCaseAsync("clock 3")).AssertExited(0);
        DateTime after = await world.NowAsync();
        (DateTime Utc, long Ticks)[] read = [.. ClockLine().Matches(guest.Console).Select(match => (
            DateTime.Parse(match.Groups["utc"].Value, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal),
            long.Parse(match.Groups["ticks"].Value, CultureInfo.InvariantCulture)))];
        Assert.Equal(3, read.Length);

        // Real-time clocks count whole seconds: one of slack on either side.
        Assert.InRange(read[0].Utc, before.AddSeconds(-1.5), after.AddSeconds(1.5));
        for (int i = 1; i < read.Length; i++)
        {
            Assert.True(read[i].Ticks - read[i - 1].Ticks >= 1000, guest.Console);
            Assert.True((read[i].Utc - read[i - 1].Utc).TotalMilliseconds >= 999, guest.Console);
        }

        // Three readings, two seconds apart in all: the guest's seconds are as long as the host's, or the guest would not be back in time.
        Assert.True(read[2].Utc <= after.AddSeconds(1.5), $"the guest's last reading {read[2].Utc:O} is after {after:O}");
    }

    [GeneratedRegex(@"^utc (?<utc>\S+) ticks (?<ticks>\d+)$", RegexOptions.Multiline)]
    private static partial Regex ClockLine();
}

[Collection(WithoutXen.Name)]
public sealed class SharedCaseTestsWithoutXen(DirectWorld world) : SharedCaseTests(world);

[Collection(UnderXen.Name)]
public sealed class SharedCaseTestsUnderXen(XenWorld world) : SharedCaseTests(world);
