using CsCheck;
using Xenlet.Guests;

namespace Xenlet.Tool.Tests;

public sealed class GuestCommandLineTests
{
    private static readonly Gen<string> Name = Gen.String["abXY_09"].Where(GuestCommandLine.IsVariableName);

    private static readonly string[] Special = ["", "--", "-", "A=1", "A=", "=1", "1A=2", "'A'=1", "a b", "\\", "ü", "\U0001f600", "'",
        "''"];

    // Characters that mean something to the guest's parser, to a shell or to UTF-8, far more often than chance would have them.
    private static readonly Gen<string> Word = Gen.OneOf(
        Gen.String["ab='\"\\ \t\n-$`#;|&()*?[]{}~!<>%/"],
        Gen.Int[0, Special.Length - 1].Select(index => Special[index]),
        Gen.Select(Name, Gen.String["x= '"], (name, value) => $"{name}={value}"));

    private static readonly Gen<GuestCommandLine> Lines = Gen.Select(
        Gen.Select(Name, Word, (name, value) => new KeyValuePair<string, string>(name, value)).Array[0, 4],
        Word.Array[0, 5],
        (environment, arguments) => new GuestCommandLine(environment, arguments));

    [Fact]
    public void The_guest_reads_back_what_was_written() => Lines.Sample(written =>
    {
        GuestCommandLine read = GuestCommandLine.Parse(written.Format());
        Assert.Equal(written.Environment, read.Environment);
        Assert.Equal(written.Arguments, read.Arguments);
    });

    [Fact]
    public async Task A_shell_reads_the_same_words()
    {
        string[][] cases = [.. Enumerable.Range(0, 200).Select(_ => Word.Array[0, 5].Single())];
        string script = string.Concat(cases.Select(words =>
            $"printf '%s\\0' {new GuestCommandLine([], ["first", .. words]).Format()}; printf '\\1'\n"));

        using TemporaryDirectory directory = new();
        string shell = await PublishedImages.RunAsync("/bin/sh", [directory.Write("words.sh", script)]);

        string[][] read = [.. shell.Split('\u0001')[..^1].Select(line => line.Split('\0')[1..^1])];
        Assert.Equal(cases, read);
    }

    [Theory]
    [InlineData("A=1", "-- A=1")]
    [InlineData("--", "-- --")]
    [InlineData("1A=1", "1A=1")]
    [InlineData("it's", @"'it'\''s'")]
    [InlineData("", "''")]
    [InlineData("/plain-word_1.2", "/plain-word_1.2")]
    public void A_first_argument_is_written_as_simply_as_it_can_be(string argument, string expected) =>
        Assert.Equal(expected, new GuestCommandLine([], [argument]).Format());

    [Fact]
    public void Variables_come_first() =>
        Assert.Equal("A='x y' B='' c", new GuestCommandLine([new("A", "x y"), new("B", "")], ["c"]).Format());

    [Theory]
    [InlineData("A=1 b 'c", "quote", "column 7")]
    [InlineData("a \\", "backslash", "column 3")]
    public void A_line_the_guest_would_refuse_is_refused_with_the_place(string line, string what, string where)
    {
        ArgumentException failure = Assert.Throws<ArgumentException>(() => GuestCommandLine.Parse(line));

        Assert.Contains(what, failure.Message, StringComparison.Ordinal);
        Assert.Contains(where, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_no_line_can_say_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new GuestCommandLine([], ["a\0b"]).Format());
        Assert.Throws<ArgumentException>(() => new GuestCommandLine([], [new string('a', 5000)]).Format());
        Assert.Throws<ArgumentException>(() => new GuestCommandLine([], [.. Enumerable.Repeat("a", 129)]).Format());
        Assert.Throws<ArgumentException>(() => new GuestCommandLine([], ["\ud800"]).Format());
    }
}
