using System.Text;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// The domain's command line, into storage of any size; what was read is read back when it is written as a shell would have it.
/// </summary>
internal static unsafe class CommandLines
{
    private const int GuardSize = 64;
    private const byte Guard = 0xA5;

    public static void Run(byte[] input)
    {
        Script script = new(input);
        int room = script.Below(2) == 0 ? CommandLine.SufficientStorage : script.UInt16() % CommandLine.SufficientStorage;
        int most = script.Byte() % (CommandLine.MaximumArguments + 1);
        byte[] text = script.Rest().ToArray();
        if (Parse(text, room, most) is not { } words)
        {
            return;
        }

        // Quoted so that none of it is special, with a separator so that no argument is a variable.
        IEnumerable<string> variables =
            words.Environment.Select(word => word.Split('=', 2)).Select(parts => $"{parts[0]}={Quote(parts[1])}");
        string line = string.Join(' ', [.. variables, "--", .. words.Arguments.Select(Quote)]);
        byte[] again = Encoding.Latin1.GetBytes(line);
        if (again.Length <= CommandLine.MaximumLength)
        {
            Words? read = Parse(again, CommandLine.SufficientStorage, most);
            Assert.True(read is not null, $"'{line}' is not understood");
            Assert.Equal(words.Environment, read.Environment);
            Assert.Equal(words.Arguments, read.Arguments);
        }
    }

    private static string Quote(string word) => "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    private static Words? Parse(byte[] text, int room, int most)
    {
        byte[] storage = new byte[room + GuardSize];
        nint[] arguments = new nint[most + GuardSize];
        nint[] environment = new nint[most + GuardSize];
        Array.Fill(storage, Guard);
        Array.Fill(arguments, Guard);
        Array.Fill(environment, Guard);
        fixed (byte* from = text, to = storage)
        {
            fixed (nint* argumentList = arguments, variableList = environment)
            {
                CommandLineResult result = CommandLine.Parse(
                    from, text.Length, to, room, (byte**)argumentList, most, (byte**)variableList, most);
                Assert.Equal(-1, storage.AsSpan(room).IndexOfAnyExcept(Guard));
                Assert.Equal(-1, arguments.AsSpan(most).IndexOfAnyExcept(Guard));
                Assert.Equal(-1, environment.AsSpan(most).IndexOfAnyExcept(Guard));
                if (result.Error != CommandLineError.None)
                {
                    Assert.InRange(result.Column, 1, CommandLine.MaximumLength + 1);
                    Assert.Equal((0, 0), (result.ArgumentCount, result.VariableCount));
                    return null;
                }

                nint start = (nint)to;
                return new Words(
                    [.. environment[..result.VariableCount].Select(word => Text(storage, (int)(word - start)))],
                    [.. arguments[..result.ArgumentCount].Select(word => Text(storage, (int)(word - start)))]);
            }
        }
    }

    private static string Text(byte[] storage, int at)
    {
        ReadOnlySpan<byte> text = storage.AsSpan(at);
        return Encoding.Latin1.GetString(text[..text.IndexOf((byte)0)]);
    }

    private sealed record Words(string[] Environment, string[] Arguments);
}
