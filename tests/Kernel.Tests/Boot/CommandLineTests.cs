using System.Text;
using CsCheck;

namespace Xenlet.Kernel.Tests.Boot;

public sealed unsafe class CommandLineTests
{
    [Theory]
    [InlineData("", "", "")]
    [InlineData("  \t ", "", "")]
    [InlineData("one two", "", "one|two")]
    [InlineData("  one \t two\n", "", "one|two")]
    [InlineData("A=1 B_2=x=y run", "A=1|B_2=x=y", "run")]
    [InlineData("A=1 run B=2", "A=1", "run|B=2")]
    [InlineData("A=1 -- B=2", "A=1", "B=2")]
    [InlineData("-- -- x", "", "--|x")]
    [InlineData("x -- y", "", "x|--|y")]
    [InlineData("--x A=1", "", "--x|A=1")]
    [InlineData("2A=1", "", "2A=1")]
    [InlineData("=1", "", "=1")]
    [InlineData("A-B=1", "", "A-B=1")]
    [InlineData("_=1", "_=1", "")]
    [InlineData("A= x", "A=", "x")]
    [InlineData("A='two words' x", "A=two words", "x")]
    [InlineData("'A=1' x", "", "A=1|x")]
    [InlineData("A\"\"=1", "", "A=1")]
    [InlineData("'--' x", "", "--|x")]
    [InlineData("''", "", "")]
    [InlineData("a '' b", "", "a||b")]
    [InlineData("'a b'\"c d\"e\\ f", "", "a bc de f")]
    [InlineData("'a\\b\"c'", "", "a\\b\"c")]
    [InlineData("\"a'b\"", "", "a'b")]
    [InlineData("\"\\\"\\\\\\$\\`\"", "", "\"\\$`")]
    [InlineData("\"\\a\\'\\ \"", "", "\\a\\'\\ ")]
    [InlineData("\\a\\'\\\"\\\\", "", "a'\"\\")]
    [InlineData("$HOME #x;y|z *", "", "$HOME|#x;y|z|*")]
    public void Words_are_split_and_unquoted_as_in_a_shell(string text, string environment, string arguments)
    {
        Parsed parsed = Parse(text);
        Assert.Equal(CommandLineError.None, parsed.Result.Error);
        Assert.Equal(environment, string.Join('|', parsed.Environment));
        Assert.Equal(arguments, string.Join('|', parsed.Arguments));
    }

    [Fact]
    public void An_empty_argument_counts()
    {
        Assert.Equal([""], Parse("''").Arguments);
        Assert.Empty(Parse("--").Arguments);
    }

    [Theory]
    [InlineData("ab 'cd", nameof(CommandLineError.UnterminatedQuote), 4)]
    [InlineData("ab \"c'd", nameof(CommandLineError.UnterminatedQuote), 4)]
    [InlineData("a'b'c\"d", nameof(CommandLineError.UnterminatedQuote), 6)]
    [InlineData("a \"b\\", nameof(CommandLineError.UnterminatedQuote), 3)]
    [InlineData("a \"b\\\"", nameof(CommandLineError.UnterminatedQuote), 3)]
    [InlineData("abc\\", nameof(CommandLineError.UnterminatedEscape), 4)]
    [InlineData("ab\0c", nameof(CommandLineError.ZeroByte), 3)]
    [InlineData("ab\\\0c", nameof(CommandLineError.ZeroByte), 4)]
    public void A_mistake_is_named_with_its_column(string text, string error, int column)
    {
        CommandLineResult result = Parse(text).Result;
        Assert.Equal(error, result.Error.ToString());
        Assert.Equal(column, result.Column);
        Assert.Equal(0, result.ArgumentCount);
        Assert.Equal(0, result.VariableCount);
    }

    [Fact]
    public void The_limits_are_kept_exactly()
    {
        string words = string.Join(' ', Enumerable.Range(0, CommandLine.MaximumArguments));
        Assert.Equal(128, Parse(words).Arguments.Count);
        CommandLineResult result = Parse(words + " more").Result;
        Assert.Equal((CommandLineError.TooManyArguments, words.Length + 2), (result.Error, result.Column));

        string variables = string.Join(' ', Enumerable.Range(0, CommandLine.MaximumVariables).Select(i => $"V{i}={i}"));
        Assert.Equal(128, Parse(variables).Environment.Count);
        result = Parse(variables + " MORE=").Result;
        Assert.Equal((CommandLineError.TooManyVariables, variables.Length + 2), (result.Error, result.Column));

        string longest = new('x', CommandLine.MaximumLength);
        Assert.Equal([longest], Parse(longest).Arguments);
        result = Parse(longest + "x").Result;
        Assert.Equal((CommandLineError.TooLong, CommandLine.MaximumLength + 1), (result.Error, result.Column));
    }

    [Fact]
    public void Storage_is_never_overrun()
    {
        Assert.Equal(["ab", "cd"], Parse("ab cd", 6).Arguments);
        CommandLineResult result = Parse("ab cd", 5).Result;
        Assert.Equal((CommandLineError.StorageFull, 6), (result.Error, result.Column));
        Assert.Equal(CommandLineError.StorageFull, Parse("ab", 0).Result.Error);
    }

    [Fact]
    public void Every_error_has_a_text_of_its_own()
    {
        string[] texts = [.. Enum.GetValues<CommandLineError>().Select(error => Encoding.UTF8.GetString(CommandLine.Describe(error)))];
        Assert.Equal(texts.Length, texts.Distinct().Count());
    }

    [Fact]
    public void What_a_quoting_writer_wrote_is_read_back()
    {
        Gen<string> word = Gen.OneOf(
            Gen.String[Gen.Char['\x01', '\xff'], 0, 12],
            Gen.String[Gen.OneOf('a', '=', '-', '\'', '"', '\\', '$', '`', ' ', '_', '1'), 0, 8]);
        Gen<(string, string)> variable = Gen.Select(
            Gen.String[Gen.OneOf('A', 'z', '_'), 1, 4],
            word,
            (name, value) => (name, value));
        Gen.Select(variable.Array[0, 6], word.Array[0, 10], Gen.Int[0, 1 << 30]).Sample(
            (variables, words, seed) =>
            {
                Random style = new(seed);
                IEnumerable<string> written = variables.Select(v => v.Item1 + "=" + Quote(v.Item2, style))
                    .Append("--")
                    .Concat(words.Select(w => w.Length == 0 ? "''" : Quote(w, style)));
                Parsed parsed = Parse(string.Join(style.Next(2) == 0 ? " " : " \t", written));
                Assert.Equal(CommandLineError.None, parsed.Result.Error);
                Assert.Equal(variables.Select(v => v.Item1 + "=" + v.Item2), parsed.Environment);
                Assert.Equal(words, parsed.Arguments);
            },
            iter: 2000);
    }

    [Fact]
    public void Any_bytes_give_a_result_or_an_error_within_the_text()
    {
        Gen.String[Gen.OneOf('a', '=', '-', '\'', '"', '\\', ' ', '\0', '\n', '\xff'), 0, 60].Sample(
            text =>
            {
                CommandLineResult result = Parse(text).Result;
                return result.Error == CommandLineError.None || (result.Column >= 1 && result.Column <= text.Length);
            },
            iter: 5000);
    }

    private static string Quote(string word, Random style)
    {
        StringBuilder quoted = new();
        foreach (char character in word)
        {
            quoted.Append(style.Next(3) switch
            {
                0 when character != '\'' => $"'{character}'",
                1 when "\"\\$`".Contains(character, StringComparison.Ordinal) => $"\"\\{character}\"",
                1 => $"\"{character}\"",
                _ => $"\\{character}",
            });
        }

        return quoted.ToString();
    }

    private sealed record Parsed(CommandLineResult Result, List<string> Environment, List<string> Arguments);

    private static Parsed Parse(string text, int storageSize = CommandLine.SufficientStorage)
    {
        byte[] bytes = [.. Encoding.Latin1.GetBytes(text), 0];
        byte[] storage = new byte[storageSize + 1];
        storage[storageSize] = 0xa5;
        byte** arguments = stackalloc byte*[CommandLine.MaximumArguments];
        byte** environment = stackalloc byte*[CommandLine.MaximumVariables];
        fixed (byte* from = bytes, to = storage)
        {
            CommandLineResult result = CommandLine.Parse(
                from, text.Length, to, storageSize, arguments, CommandLine.MaximumArguments, environment, CommandLine.MaximumVariables);
            Assert.Equal(0xa5, storage[storageSize]);
            return new Parsed(result, Strings(environment, result.VariableCount), Strings(arguments, result.ArgumentCount));
        }
    }

    private static List<string> Strings(byte** pointers, int count)
    {
        List<string> strings = [];
        for (int i = 0; i < count; i++)
        {
            int length = 0;
            while (pointers[i][length] != 0)
            {
                length++;
            }

            strings.Add(Encoding.Latin1.GetString(pointers[i], length));
        }

        return strings;
    }
}
