namespace Xenlet.XenBus.Enumeration;

/// <summary>
/// Remembers what was last reported of each path, so that nothing is reported twice in a row. All members may be called from any thread.
/// </summary>
internal sealed class LastReports
{
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);

    /// <summary>The paths of which something was reported.</summary>
    public string[] Paths
    {
        get
        {
            lock (_texts)
            {
                return [.. _texts.Keys];
            }
        }
    }

    /// <summary>Remembers a text; whether it differs from the path's last.</summary>
    public bool IsNew(string path, string text)
    {
        lock (_texts)
        {
            bool isNew = _texts.GetValueOrDefault(path) != text;
            _texts[path] = text;
            return isNew;
        }
    }

    /// <summary>Forgets a path, so that the next text is a new one.</summary>
    public void Forget(string path)
    {
        lock (_texts)
        {
            _texts.Remove(path);
        }
    }

    /// <summary>Forgets all paths.</summary>
    public void Clear()
    {
        lock (_texts)
        {
            _texts.Clear();
        }
    }
}
