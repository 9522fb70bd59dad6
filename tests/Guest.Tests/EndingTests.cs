using Xenlet.GuestImage;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>How a program's end becomes the guest's.</summary>
public abstract class EndingTests(World world)
{
    private static readonly (string CommandLine, int Status)[] Exits =
    [
        ("exit-return 0", 0),
        ("exit-return 7", 7),
        ("exit-return 255", 255),
        ("exit-negative", 255),
        ("exit-call 8", 8),
        ("exit-from-thread", 9),
        ("exit-event", 11),
        ("exit-with-threads", 12),
    ];

    /// <summary>Cases that crash the guest, and the console's text in each.</summary>
    private static readonly (string Name, string[] Texts)[] Crashes =
    [
        ("unhandled-main",
        [
            "Unhandled exception. System.InvalidOperationException: nobody catches this 0",
            "at Xenlet.GuestImage.EndingCases.ThrowsDeeper",
            "at Xenlet.GuestImage.EndingCases.ThrowsUnhandled",
            "at Xenlet.GuestImage.Program.Main",
        ]),
        ("unhandled-thread",
        [
            "Unhandled exception. System.InvalidOperationException: nobody catches this 0",
            "at Xenlet.GuestImage.EndingCases.ThrowsDeeper",
            "doomed",
        ]),
        ("unhandled-async", ["Unhandled exception. System.InvalidOperationException", "EndingCases.<ThrowsLater>"]),
        ("fail-fast", ["failed fast on purpose", "System.InvalidOperationException: its cause"]),
        ("stack-overflow-main", ["stack overflow", "thread 1", "  at 0x"]),
        ("stack-overflow-thread", ["stack overflow", "(doomed)", "  at 0x"]),
        // .NET has no memory left to name the exception, here as on Linux; the nucleus reports the state.
        ("exhaust-managed-memory", ["Unhandled exception.", "KiB were left"]),
        ("exhaust-all-memory", ["out of memory", "(needy)"]),
        ("native-null-call", ["fault", "0x0000000000000000"]),
        ("write-constant", ["Access Violation", "at Xenlet.GuestImage.EndingCases.Write"]),
        ("write-code", ["Access Violation", "at Xenlet.GuestImage.EndingCases.WriteCode"]),
        ("write-descriptor-table", ["Access Violation", "at Xenlet.GuestImage.WallCases.Rewrite"]),
        ("write-alias-of-code", ["Access Violation", "at Xenlet.GuestImage.WallCases.WriteAliasOfCode"]),
        ("execute-heap", ["xenlet: ", "fault"]),
        ("execute-static", ["xenlet: ", "fault"]),
    ];

    /// <summary>Cases that never end by themselves; <see cref="ConsoleInputTests"/> and a test below have them.</summary>
    private static readonly string[] Endless = ["wait-for-ever"];

    /// <summary>Command lines that end well, and the status.</summary>
    public static TheoryData<string, int> ExitData
    {
        get
        {
            TheoryData<string, int> data = [];
            Array.ForEach(Exits, exit => data.Add(exit.CommandLine, exit.Status));
            return data;
        }
    }

    /// <summary>Cases that end in a crash.</summary>
    public static TheoryData<string> CrashData => new(Crashes.Select(crash => crash.Name));

    [Theory]
    [MemberData(nameof(ExitData))]
    public async Task An_exit_status_is_the_last_line_and_the_guest_is_off(string commandLine, int status)
    {
        EndedGuest guest = (await world.RunCaseAsync(commandLine)).AssertExited(status);
        Assert.EndsWith($"xenlet: exit {status}\n", guest.Console, StringComparison.Ordinal);
        Assert.DoesNotContain("survived", guest.Console, StringComparison.Ordinal);
        Assert.Equal(commandLine == "exit-event", guest.Lines.Contains("process exit event"));
    }

    [Theory]
    [MemberData(nameof(CrashData))]
    public async Task A_crash_says_what_happened_and_the_guest_is_crashed(string name)
    {
        EndedGuest guest = (await world.RunCaseAsync(name, memory: 48)).AssertCrashed();
        Assert.Contains("about to end", guest.Lines);
        Assert.DoesNotContain("survived", guest.Console, StringComparison.Ordinal);
        Assert.Null(guest.End.ExitStatus);
        foreach (string text in Crashes.Single(crash => crash.Name == name).Texts)
        {
            Assert.Contains(text, guest.Console, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_way_to_end_is_tested()
    {
        IEnumerable<string> tested =
            Exits.Select(exit => exit.CommandLine.Split(' ')[0]).Concat(Crashes.Select(crash => crash.Name)).Concat(Endless).Distinct();
        Assert.Equal(CaseTable.All.Where(entry => entry.Kind == CaseKind.Ending).Select(entry => entry.Name).Order(), tested.Order());
    }

    [Fact]
    public async Task A_guest_that_waits_for_ever_runs_until_it_is_destroyed()
    {
        await using IGuest guest = await world.StartCaseAsync("wait-for-ever");
        await guest.WaitForTextAsync("waiting for ever", World.Limit);
        await Assert.ThrowsAsync<QemuXenException>(() => guest.WaitForEndAsync(TimeSpan.FromSeconds(1)));
        await guest.DestroyAsync();
        Assert.Equal(GuestEndReason.Destroyed, (await guest.WaitForEndAsync(World.Limit)).Reason);
    }
}

[Collection(WithoutXen.Name)]
public sealed class EndingTestsWithoutXen(DirectWorld world) : EndingTests(world);

[Collection(UnderXen.Name)]
public sealed class EndingTestsUnderXen(XenWorld world) : EndingTests(world);
