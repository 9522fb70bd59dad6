using System.Runtime.InteropServices;
using System.Text;
using Xenlet.Kernel.Nucleus.Boot;

namespace Xenlet.Guests;

/// <summary>A guest's command line (xl's <c>cmdline=</c>): environment variables, then arguments of Main.</summary>
/// <param name="Environment">Variables in order.</param>
/// <param name="Arguments">Arguments in order.</param>
internal sealed record GuestCommandLine(IReadOnlyList<KeyValuePair<string, string>> Environment, IReadOnlyList<string> Arguments)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// Whether a guest accepts <paramref name="name"/> as the name of a variable.
    /// </summary>
    public static bool IsVariableName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(character => char.IsAsciiLetterOrDigit(character) || character == '_');

    /// <summary>Reads a command line just as the guest will: with the guest's own parser.</summary>
    /// <exception cref="ArgumentException">The guest would refuse it.</exception>
    public static unsafe GuestCommandLine Parse(string text)
    {
        byte[] bytes = Encode(text);
        byte[] storage = new byte[CommandLine.SufficientStorage];
        byte** arguments = stackalloc byte*[CommandLine.MaximumArguments];
        byte** variables = stackalloc byte*[CommandLine.MaximumVariables];
        fixed (byte* textStart = bytes, storageStart = storage)
        {
            CommandLineResult result = CommandLine.Parse(
                textStart,
                bytes.Length,
                storageStart,
                storage.Length,
                arguments,
                CommandLine.MaximumArguments,
                variables,
                CommandLine.MaximumVariables);
            if (result.Error != CommandLineError.None)
            {
                string error = Encoding.ASCII.GetString(CommandLine.Describe(result.Error));
                throw new ArgumentException($"the guest would refuse its command line: {error}{result.Column}");
            }

            List<KeyValuePair<string, string>> environment = [];
            for (int index = 0; index < result.VariableCount; index++)
            {
                string variable = Decode(variables[index]);
                int equals = variable.IndexOf('=', StringComparison.Ordinal);
                environment.Add(new KeyValuePair<string, string>(variable[..equals], variable[(equals + 1)..]));
            }

            string[] words = new string[result.ArgumentCount];
            for (int index = 0; index < words.Length; index++)
            {
                words[index] = Decode(arguments[index]);
            }

            return new GuestCommandLine(environment, words);
        }
    }

    /// <summary>Writes the line that <see cref="Parse"/> reads back as this.</summary>
    /// <exception cref="ArgumentException">No command line says this: it would be too long, or a string holds a zero character.</exception>
    public string Format()
    {
        IEnumerable<string> words = Environment.Select(variable => $"{variable.Key}={Quote(variable.Value)}");

        // The guest looks for a lone -- only before the first argument, so this one is always the separator.
        if (Arguments.Count > 0 && (Arguments[0] == "--" || LooksLikeVariable(Arguments[0])))
        {
            words = words.Append("--");
        }

        string text = string.Join(' ', words.Concat(Arguments.Select(Quote)));
        _ = Parse(text);
        return text;
    }

    private static bool LooksLikeVariable(string word)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && IsVariableName(word[..equals]);
    }

    private static string Quote(string word) =>
        word.Length > 0 && word.All(
            character => char.IsAsciiLetterOrDigit(character) || "-_=+.,:/@%".Contains(character, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static byte[] Encode(string text)
    {
        try
        {
            return StrictUtf8.GetBytes(text);
        }
        catch (EncoderFallbackException)
        {
            throw new ArgumentException("the guest's command line holds half of a surrogate pair, which UTF-8 cannot say.");
        }
    }

    private static unsafe string Decode(byte* text) => StrictUtf8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
}
