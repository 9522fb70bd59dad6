using System.Globalization;

namespace Xenlet.Tool.Runs;

/// <summary>
/// The variables of <c>dotnet run --environment NAME=VALUE</c>. It gives them to this process among all that it has inherited, and says
/// nowhere which they are but in its own command line.
/// </summary>
internal static class RunVariables
{
    private static readonly string[] Options = ["-e", "--environment"];

    /// <summary>
    /// Their names, from the command line of the <c>dotnet run</c> that has started this process, or of one that started that.
    /// </summary>
    public static IReadOnlyList<string> Names()
    {
        List<string> names = [];
        for (int process = ParentOf(Environment.ProcessId);
            WordsOf(process) is [var command, ..] words && Path.GetFileName(command) == "dotnet";
            process = ParentOf(process))
        {
            names.AddRange(Named(words));
        }

        return names;
    }

    /// <summary>The names in a command line. What stands behind <c>--</c> is the program's.</summary>
    public static IEnumerable<string> Named(IReadOnlyList<string> words)
    {
        string[] own = [.. words.Skip(1).TakeWhile(word => word != "--")];
        for (int i = 0; own is ["run", ..] && i < own.Length; i++)
        {
            string? option = Options.FirstOrDefault(name => own[i].StartsWith(name + "=", StringComparison.Ordinal)
                || own[i].StartsWith(name + ":", StringComparison.Ordinal));
            string? setting = option is not null ? own[i][(option.Length + 1)..]
                : Options.Contains(own[i]) && i + 1 < own.Length ? own[++i]
                : null;
            if (setting?.IndexOf('=', StringComparison.Ordinal) is > 0 and int end)
            {
                yield return setting[..end];
            }
        }
    }

    private static int ParentOf(int process)
    {
        // proc(5): "PPid:\t123". No process is 0.
        string? line = Lines(process, "status").FirstOrDefault(line => line.StartsWith("PPid:", StringComparison.Ordinal));
        return int.TryParse(line?["PPid:".Length..].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int parent) ? parent : 0;
    }

    private static string[] WordsOf(int process) => string.Concat(Lines(process, "cmdline")).Split('\0');

    private static string[] Lines(int process, string file)
    {
        try
        {
            return File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/{file}"));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is another user's.
            return [];
        }
    }
}
