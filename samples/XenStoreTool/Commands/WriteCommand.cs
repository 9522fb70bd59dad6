using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>Writes a value.</summary>
internal sealed class WriteCommand : Command
{
    private const string Syntax = "write path value (a value with blanks in quotes)";
    private readonly string _path;
    private readonly byte[] _value;

    private WriteCommand(string path, byte[] value)
    {
        _path = path;
        _value = value;
    }

    /// <summary>Takes a path and a value, which may look like anything.</summary>
    public static new WriteCommand Parse(string[] words) => words switch
    {
        [var path, var value] when !IsOption(path) => new(path, NodeValue.FromText(value)),
        [var option, ..] when IsOption(option) => throw new UsageException($"option '{option}' is not known; usage: {Syntax}"),
        _ => throw new UsageException($"a path and a value are needed, not {words.Length} words; usage: {Syntax}"),
    };

    /// <inheritdoc/>
    public override async Task<bool> RunAsync(
        XenStoreClient store, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        await store.WriteAsync(_path, _value, cancellationToken);
        return true;
    }
}
