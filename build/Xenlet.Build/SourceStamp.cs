namespace Xenlet.Build;

/// <summary>
/// A file whose time says up to when sources are known to have been used, so that a step can be left out when none is newer.
/// </summary>
/// <param name="path">The file; it lies where <c>clean</c> removes it.</param>
internal sealed class SourceStamp(string path)
{
    /// <summary>Whether it is newer than every one of <paramref name="sources"/>.</summary>
    public bool Covers(IEnumerable<FileSystemInfo> sources)
    {
        DateTime time = File.GetLastWriteTimeUtc(path);
        return sources.All(source => source.LastWriteTimeUtc < time);
    }

    /// <summary>Says that the sources were used.</summary>
    /// <param name="readAt">When the reading of them began: what was changed meanwhile is newer.</param>
    public void Set(DateTime readAt)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        File.SetLastWriteTimeUtc(path, readAt);
    }

    /// <summary>Says that nothing is known.</summary>
    public void Remove()
    {
        if (File.Exists(path))
        {
            File.Delete(path);
        }
    }
}
