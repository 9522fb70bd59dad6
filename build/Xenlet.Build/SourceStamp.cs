namespace Xenlet.Build;

/// <summary>
/// A file whose time says up to when sources are known to have been used, so that a step can be skipped if none is newer.
/// </summary>
/// <param name="path">The file, in a place where <c>clean</c> removes it.</param>
internal sealed class SourceStamp(string path)
{
    /// <summary>Whether it is newer than every one of <paramref name="sources"/>.</summary>
    public bool Covers(IEnumerable<FileSystemInfo> sources)
    {
        DateTime time = File.GetLastWriteTimeUtc(path);
        return sources.All(source => source.LastWriteTimeUtc < time);
    }

    /// <summary>Records that the sources were used.</summary>
    /// <param name="readAt">When reading them began. Whatever changes meanwhile is newer.</param>
    public void Set(DateTime readAt)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        File.SetLastWriteTimeUtc(path, readAt);
    }

    /// <summary>Records that nothing is known.</summary>
    public void Remove()
    {
        if (File.Exists(path))
        {
            File.Delete(path);
        }
    }
}
