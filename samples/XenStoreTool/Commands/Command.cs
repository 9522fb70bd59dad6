using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>One thing to do, with its arguments.</summary>
internal abstract class Command
{
    /// <summary>All commands, a line each.</summary>
    public const string Usage = """
        ls [-f] [path]           the nodes below a path, with their values; -f with whole paths
        read path...             their values
        write path value         create a node or change its value
        rm path...               remove nodes and all below them
        watch [-n count] path... tell what changes, until Ctrl-C or a number of events
        help                     these lines

        """;

    /// <summary>Understands a command.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static Command Parse(string[] words) => words switch
    {
        ["ls", .. string[] rest] => ListCommand.Parse(rest),
        ["read", .. string[] rest] => new ReadCommand(Paths("read path...", rest)),
        ["write", .. string[] rest] => WriteCommand.Parse(rest),
        ["rm", .. string[] rest] => new RemoveCommand(Paths("rm path...", rest)),
        ["watch", .. string[] rest] => WatchCommand.Parse(rest),
        ["help" or "-h" or "--help", ..] => new HelpCommand(),
        _ => throw new UsageException($"'{words[0]}' is no command; these are: ls, read, write, rm, watch, help."),
    };

    /// <summary>Does it.</summary>
    /// <returns>Whether it succeeded; what did not was written to <paramref name="errors"/>.</returns>
    /// <exception cref="XenStoreException">It failed as a whole.</exception>
    public abstract Task<bool> RunAsync(XenStoreClient store, TextWriter output, TextWriter errors, CancellationToken cancellationToken);

    /// <summary>Checks that there is at least one path, and no option.</summary>
    protected static string[] Paths(string usage, string[] words) => words.FirstOrDefault(IsOption) is { } option
        ? throw new UsageException($"option '{option}' is not known; usage: {usage}")
        : words.Length > 0 ? words : throw new UsageException($"a path is missing; usage: {usage}");

    /// <summary>No path begins so.</summary>
    protected static bool IsOption(string word) => word.StartsWith('-');
}

/// <summary>Tells the commands.</summary>
internal sealed class HelpCommand : Command
{
    /// <inheritdoc/>
    public override Task<bool> RunAsync(XenStoreClient store, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        output.Write(Usage);
        return Task.FromResult(true);
    }
}
