using System.Text;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>What a person types, as <c>xl console</c> sends it: raw bytes, the return key as CR.</summary>
public abstract partial class ConsoleInputTests(World world)
{
    /// <summary>Bytes typed, and what the program reads: its answer to a line is that line in brackets.</summary>
    private static readonly (string Typed, string Answer)[] Lines =
    [
        ("one\r", "line [one]"),
        ("two\n", "line [two]"),
        ("\r", "line []"),
        ("abc\u007f\u007fX\r", "line [aX]"),
        ("ab\bc\r", "line [ac]"),
        ("\u007f\u007fx\r", "line [x]"),
        ("aü\u007fb\r", "line [ab]"),
        ("€😀\r", "line [€😀]"),
        ("abc\u0004def\r", "line [abcdef]"),
        ("gone\u0015kept\r", "line [kept]"),
    ];

    [Fact]
    public async Task Lines_are_edited_and_read_until_the_end_of_input()
    {
        await using IGuest guest = await world.StartCaseAsync("read-lines");
        int position = await guest.WaitForTextAsync("ready for lines", World.Limit);
        foreach ((string typed, string answer) in Lines)
        {
            await guest.WriteConsoleAsync(Encoding.UTF8.GetBytes(typed));
            position = await guest.WaitForTextAsync(answer + "\r\n", World.Limit, position);
        }

        await guest.WriteConsoleAsync("\u0004"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
        Assert.Contains($"end of input after {Lines.Length} lines", ended.Lines);
    }

    [Fact]
    public async Task What_is_typed_is_echoed_once()
    {
        await using IGuest guest = await world.StartCaseAsync("read-lines");
        int position = await guest.WaitForTextAsync("ready for lines\r\n", World.Limit);
        await guest.WriteConsoleAsync("echo me"u8.ToArray());
        position = await guest.WaitForTextAsync("echo me", World.Limit, position);
        await guest.WriteConsoleAsync("\r"u8.ToArray());
        await guest.WaitForTextAsync("\r\nline [echo me]\r\n", World.Limit, position);
        await guest.WriteConsoleAsync("\u0004"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
        Assert.Equal(1, ended.Lines.Count(line => line == "echo me"));
    }

    [Fact]
    public async Task Many_lines_typed_at_once_are_all_read()
    {
        await using IGuest guest = await world.StartCaseAsync("read-lines");
        await guest.WaitForTextAsync("ready for lines", World.Limit);
        string[] lines = [.. Enumerable.Range(0, 60).Select(i => $"typed line number {i}")];
        foreach (string[] chunk in lines.Chunk(10))
        {
            await guest.WriteConsoleAsync(Encoding.UTF8.GetBytes(string.Concat(chunk.Select(line => line + "\r"))));
            await guest.WaitForTextAsync($"line [{chunk[^1]}]", World.Limit);
        }

        await guest.WriteConsoleAsync("\u0004"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);

        // The echo of one line may stand before the answer to another, as on any terminal.
        Assert.Equal(lines, AnswerToLine().Matches(ended.Console).Select(match => match.Groups["line"].Value));
    }

    [Fact]
    public async Task Characters_are_read_one_by_one_until_the_end_of_input()
    {
        await using IGuest guest = await world.StartCaseAsync("read-characters");
        int position = await guest.WaitForTextAsync("ready for characters", World.Limit);
        await guest.WriteConsoleAsync(Encoding.UTF8.GetBytes("aü\r"));
        position = await guest.WaitForTextAsync("character 97\r\ncharacter 252\r\ncharacter 10\r\n", World.Limit, position);
        await guest.WriteConsoleAsync("\u0004"u8.ToArray());
        await guest.WaitForTextAsync("end of input\r\n", World.Limit, position);
        await guest.WriteConsoleAsync("\u0004"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
        Assert.Contains("and again -1", ended.Lines);
    }

    [Fact]
    public async Task Control_C_ends_the_program_as_on_Linux()
    {
        await using IGuest guest = await world.StartCaseAsync("wait-for-interrupt");
        await guest.WaitForTextAsync("ready for an interrupt", World.Limit);
        await guest.WriteConsoleAsync("\u0003"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(128 + 2);
        Assert.DoesNotContain("went on", ended.Console, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_C_can_be_handled()
    {
        await using IGuest guest = await world.StartCaseAsync("wait-for-interrupt handle");
        await guest.WaitForTextAsync("ready for an interrupt", World.Limit);
        await guest.WriteConsoleAsync("\u0003"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(3);
        Assert.Contains("interrupted by ControlC", ended.Console, StringComparison.Ordinal);
        Assert.Contains("went on", ended.Lines);
    }

    [Fact]
    public async Task Control_backslash_and_Control_Z_do_nothing_to_a_program_that_did_not_ask_for_them()
    {
        await using IGuest guest = await world.StartCaseAsync("read-lines");
        int position = await guest.WaitForTextAsync("ready for lines", World.Limit);
        foreach ((string key, string echo) in ((string, string)[])[("\u001c", "^\\"), ("\u001a", "^Z")])
        {
            await guest.WriteConsoleAsync(Encoding.UTF8.GetBytes(key));
            position = await guest.WaitForTextAsync(echo, World.Limit, position);
            await guest.WriteConsoleAsync("still here\r"u8.ToArray());
            position = await guest.WaitForTextAsync("line [still here]\r\n", World.Limit, position);
        }

        await guest.WriteConsoleAsync("\u0004"u8.ToArray());
        (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
    }

    [GeneratedRegex(@"line \[(?<line>[^\]]*)\]")]
    private static partial Regex AnswerToLine();
}

[Collection(WithoutXen.Name)]
public sealed class ConsoleInputTestsWithoutXen(DirectWorld world) : ConsoleInputTests(world);

[Collection(UnderXen.Name)]
public sealed class ConsoleInputTestsUnderXen(XenWorld world) : ConsoleInputTests(world);
