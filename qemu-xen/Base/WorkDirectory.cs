using System.Globalization;

namespace Xenlet.QemuXen.Base;

/// <summary>
/// A private directory for one emulated machine, removed with it. Its name contains this process's id, so that the next process finds and
/// removes what a killed one left behind.
/// </summary>
internal sealed class WorkDirectory : IDisposable
{
    private const string Prefix = "xenlet-";
    private readonly bool _isTemporary;

    private WorkDirectory(string path, bool temporary)
    {
        Path = path;
        _isTemporary = temporary;
    }

    /// <summary>Absolute path of the directory.</summary>
    public string Path { get; }

    /// <summary>Creates the directory, or uses the one that the caller wants to keep.</summary>
    public static WorkDirectory Create(string? wanted)
    {
        if (wanted is not null)
        {
            return new(Directory.CreateDirectory(System.IO.Path.GetFullPath(wanted)).FullName, temporary: false);
        }

        string root = System.IO.Path.GetTempPath();
        RemoveAbandoned(root);
        string name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-");
        return new(Directory.CreateTempSubdirectory(name).FullName, temporary: true);
    }

    /// <summary>Removes the directory unless it is the caller's.</summary>
    public void Dispose()
    {
        if (_isTemporary)
        {
            Remove(Path);
        }
    }

    private static void RemoveAbandoned(string root)
    {
        foreach (string directory in Directory.EnumerateDirectories(root, Prefix + "*-*"))
        {
            string id = System.IO.Path.GetFileName(directory)[Prefix.Length..].Split('-')[0];
            if (int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out _) && !Directory.Exists("/proc/" + id))
            {
                Remove(directory);
            }
        }
    }

    private static void Remove(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is another process's, or was removed by one at the same moment.
        }
    }
}
