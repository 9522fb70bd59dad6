using Xenlet.Symbols;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.CommandLines;

/// <summary><c>xenlet symbols</c>.</summary>
internal static class SymbolsCommand
{
    public const string Usage = """
        usage: xenlet symbols NAME.debug [--source DIRECTORY] < LOG

        Copies standard input to standard output. A line of a trace, '  at 0x2b5000', gains the method or function of the address
        and, where the symbols know it, file and line. LOG may be a guest's console, or its lines in 'xl dmesg'.

          NAME.debug            the symbols that belong to the very image that wrote the log
          --source DIRECTORY    what /_/ at the begin of the symbols' paths stands for; without it, the directory of NAME.debug,
                                the current one and those above them are searched for the file

        exit status: 0 done, 1 NAME.debug has no symbols or cannot be read, 2 the command line was not understood

        """;

    public static int Run(Words words)
    {
        string? path = null;
        string? source = null;
        while (!words.AtEnd)
        {
            string word = words.Next();
            if (word == "--source")
            {
                source = Path.GetFullPath(words.Value(word));
                if (!Directory.Exists(source))
                {
                    throw new ToolException($"symbols: --source: there is no directory {source}");
                }
            }
            else
            {
                path = path is null ? words.Operand(word) : throw words.Unexpected(word);
            }
        }

        if (path is null)
        {
            throw words.Misunderstood("NAME.debug is missing");
        }

        ImageSymbols symbols = Read(path, source);
        using Stream input = Console.OpenStandardInput();
        using Stream output = Console.OpenStandardOutput();
        using BacktraceStream named = new(output, symbols.Describe);
        input.CopyTo(named);
        named.Finish();
        return 0;
    }

    private static ImageSymbols Read(string path, string? source)
    {
        try
        {
            return ImageSymbols.Read(path, source);
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"symbols: {failure.Message}");
        }
    }
}
