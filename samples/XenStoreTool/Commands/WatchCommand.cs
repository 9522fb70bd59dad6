using System.Globalization;
using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>Prints the path of each event, as xenstore-watch does. The first event of each watch says that it is set.</summary>
internal sealed class WatchCommand : Command
{
    private const string Syntax = "watch [-n count] path...";
    private readonly string[] _paths;
    private readonly int? _count;

    private WatchCommand(string[] paths, int? count)
    {
        _paths = paths;
        _count = count;
    }

    /// <summary>Takes paths and perhaps a number of events.</summary>
    public static new WatchCommand Parse(string[] words)
    {
        if (words is not ["-n", ..])
        {
            return new(Paths(Syntax, words), null);
        }

        string count = words.Length > 1 ? words[1] : throw new UsageException($"-n needs a count; usage: {Syntax}");
        return int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int events) && events > 0
            ? new(Paths(Syntax, words[2..]), events)
            : throw new UsageException($"'{count}' is no count of events; usage: {Syntax}");
    }

    /// <inheritdoc/>
    public override async Task<bool> RunAsync(
        XenStoreClient store, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        List<XenStoreWatch> watches = [];
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            foreach (string path in _paths)
            {
                watches.Add(await store.WatchAsync(path, cancellationToken));
            }

            Lock printing = new();
            int left = _count ?? int.MaxValue;
            await Task.WhenAll(watches.Select(PrintAsync));

            async Task PrintAsync(XenStoreWatch watch)
            {
                await foreach (XenStoreWatchEvent change in watch.WithCancellation(enough.Token))
                {
                    lock (printing)
                    {
                        if (left == 0)
                        {
                            return;
                        }

                        output.WriteLine(change.Path);
                        output.Flush();
                        left -= _count is null ? 0 : 1;
                    }

                    if (left == 0)
                    {
                        await enough.CancelAsync();
                    }
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // All events that were asked for have come.
        }
        finally
        {
            foreach (XenStoreWatch watch in watches)
            {
                await watch.DisposeAsync();
            }
        }

        return true;
    }
}
