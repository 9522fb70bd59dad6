namespace Xenlet.QemuXen.Base;

/// <summary>
/// Tells that a file of a directory was made or written. Whoever follows a growing file would else look a hundred times a second.
/// </summary>
internal sealed class FileChanges : IDisposable
{
    private readonly FileSystemWatcher? _watcher;
    private TaskCompletionSource _next = New();

    /// <summary>Begins to watch.</summary>
    /// <param name="directory">The directory, which must exist.</param>
    public FileChanges(string directory)
    {
        try
        {
            _watcher = new(directory) { NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size };
            _watcher.Created += (_, _) => Tell();
            _watcher.Changed += (_, _) => Tell();
            _watcher.Renamed += (_, _) => Tell();
            _watcher.Error += (_, _) => Tell();
            _watcher.EnableRaisingEvents = true;
        }
        catch (IOException)
        {
            // Linux gives a user a number of such watches (fs.inotify.max_user_instances), and they are taken.
            _watcher?.Dispose();
            _watcher = null;
        }
    }

    /// <summary>The longest that a follower waits for <see cref="Next"/> until it looks: what is lost of a watch is never told.</summary>
    public TimeSpan Patience => TimeSpan.FromMilliseconds(_watcher is null ? 10 : 1000);

    /// <summary>Ends with the next change of any of the files. A follower takes it before it looks at its file.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    /// <inheritdoc/>
    public void Dispose() => _watcher?.Dispose();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Tell() => Interlocked.Exchange(ref _next, New()).TrySetResult();
}
