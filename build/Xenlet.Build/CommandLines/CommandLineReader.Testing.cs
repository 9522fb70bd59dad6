namespace Xenlet.Build;

/// <summary>The test commands.</summary>
internal static partial class CommandLineReader
{
    /// <summary>The maximum number of runs of a project.</summary>
    private const int MaximumRuns = 10_000;

    /// <summary>The maximum number of minutes: a week.</summary>
    private const int MaximumMinutes = 7 * 24 * 60;

    private static BuildCommand ReadTest(Cursor cursor)
    {
        (string[] words, string? filter, bool underXen) = ReadTestWords("test", cursor);
        switch (words)
        {
            case ["case"]:
                throw Misunderstood("test case: no case is named");
            case ["case", ..]:
                return filter is null
                    ? new TestCaseCommand(words[1..], underXen)
                    : throw Misunderstood("test case: cases are named, not filtered");
            case [..] when underXen:
                throw Misunderstood("test: '--xen' says where cases are booted: './build.sh test case NAME --xen'");
            case []:
                return new TestCommand(filter);
            case ["packages"]:
                return new TestPackagesCommand(filter);
            case [string project]:
                return new TestProjectCommand(project, filter);
            case [string project, string only] when filter is null:
                return new TestProjectCommand(project, only);
            default:
                throw Misunderstood($"test: unexpected '{words[^1]}' after the project '{words[0]}'");
        }
    }

    private static BuildCommand ReadSoak(Cursor cursor)
    {
        if (cursor.Take("flakes"))
        {
            return ReadFlakes(cursor);
        }

        if (cursor.Take("fuzz"))
        {
            return ReadFuzz(cursor);
        }

        (string[] words, string? filter, bool underXen) = ReadTestWords("soak", cursor);
        return words is [] && !underXen
            ? new SoakCommand(filter)
            : throw Misunderstood($"soak: unexpected '{words.FirstOrDefault("--xen")}' (what to run is said by '--filter')");
    }

    private static FlakesCommand ReadFlakes(Cursor cursor)
    {
        FlakesCommand command = new();
        while (!cursor.AtEnd)
        {
            string argument = cursor.Next();
            (string option, string? value) = Split(argument);
            command = option switch
            {
                "--project" => command with { Projects = [.. command.Projects, Value(option, value, cursor)] },
                "--times" => command with { Times = ReadNumber(option, Value(option, value, cursor), MaximumRuns, "runs") },
                "--filter" => command with { Filter = Value(option, value, cursor) },
                _ => throw Misunderstood($"soak flakes: unexpected '{argument}'"),
            };
        }

        return command;
    }

    private static FuzzCommand ReadFuzz(Cursor cursor)
    {
        List<string> targets = [];
        int? minutes = null;
        while (!cursor.AtEnd)
        {
            string argument = cursor.Next();
            (string option, string? value) = Split(argument);
            switch (option)
            {
                case "--minutes":
                    minutes = ReadNumber(option, Value(option, value, cursor), MaximumMinutes, "minutes");
                    break;
                case ['-', ..]:
                    throw Misunderstood($"soak fuzz: unknown option '{argument}'");
                default:
                    targets.Add(argument);
                    break;
            }
        }

        return new FuzzCommand(targets, minutes);
    }

    private static (string[] Words, string? Filter, bool UnderXen) ReadTestWords(string command, Cursor cursor)
    {
        List<string> words = [];
        string? filter = null;
        bool underXen = false;
        while (!cursor.AtEnd)
        {
            string argument = cursor.Next();
            (string option, string? value) = Split(argument);
            switch (option)
            {
                case "--filter":
                    filter = Value(option, value, cursor);
                    break;
                case "--xen":
                    underXen = Flag(option, value);
                    break;
                case ['-', ..]:
                    throw Misunderstood($"{command}: unknown option '{argument}'");
                default:
                    words.Add(argument);
                    break;
            }
        }

        return ([.. words], filter, underXen);
    }
}
