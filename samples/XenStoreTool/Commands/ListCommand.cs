using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>
/// Prints all nodes below a path with their values, in the form of xenstore-ls: whole paths with -f, otherwise names indented by their
/// depth. A value that may not be read is left out; a node that may not be listed is named, and the listing continues.
/// </summary>
internal sealed class ListCommand : Command
{
    private const string Syntax = "ls [-f] [path]";
    private readonly string _path;
    private readonly bool _usesWholePaths;

    private ListCommand(string path, bool wholePaths)
    {
        _path = path;
        _usesWholePaths = wholePaths;
    }

    /// <summary>Takes -f and a path; without one, everything is listed.</summary>
    public static new ListCommand Parse(string[] words) => words switch
    {
        [] => new("/", false),
        ["-f"] => new("/", true),
        ["-f", var path] when !IsOption(path) => new(path, true),
        [var path] when !IsOption(path) => new(path, false),
        _ => throw new UsageException(words.FirstOrDefault(word => IsOption(word) && word != "-f") is { } option
            ? $"option '{option}' is not known; usage: {Syntax}"
            : $"one path can be listed at a time; usage: {Syntax}"),
    };

    /// <inheritdoc/>
    public override async Task<bool> RunAsync(
        XenStoreClient store, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        bool complete = true;
        await ListAsync(_path, await store.DirectoryAsync(_path, cancellationToken), 0);
        return complete;

        async Task ListAsync(string path, string[] names, int depth)
        {
            string above = path == "/" ? path : path + "/";
            string[] paths = [.. names.Select(name => above + name)];

            // As many requests as the client keeps under way are answered in the time of one.
            Task<byte[]?>[] values = [.. paths.Select(below => ReadAsync(below))];
            for (int i = 0; i < names.Length; i++)
            {
                string line = _usesWholePaths ? paths[i] : new string(' ', depth) + names[i];
                output.WriteLine(await values[i] is { } value ? $"{line} = \"{NodeValue.ToText(value)}\"" : line + ":");
                try
                {
                    // What has been removed in the meantime has nothing below it.
                    await ListAsync(paths[i], await store.TryDirectoryAsync(paths[i], cancellationToken) ?? [], depth + 1);
                }
                catch (XenStoreException failure) when (failure.Error == XenStoreError.EACCES)
                {
                    errors.WriteLine($"xenstore: {failure.Message}");
                    complete = false;
                }
            }
        }

        async Task<byte[]?> ReadAsync(string path)
        {
            try
            {
                return await store.TryReadBytesAsync(path, cancellationToken);
            }
            catch (XenStoreException failure) when (failure.Error == XenStoreError.EACCES)
            {
                return null;
            }
        }
    }
}
