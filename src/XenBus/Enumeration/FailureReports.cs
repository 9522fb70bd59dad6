using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Enumeration;

/// <summary>Reports each path that cannot be examined: once, until it can be.</summary>
/// <param name="bus">The bus's directory, which begins each message.</param>
/// <param name="report">Takes a path and what is said of it.</param>
internal sealed class FailureReports(string bus, Action<string, string> report)
{
    private readonly LastReports _last = new();

    /// <summary>Reports a failure; whether the path is to be examined again later.</summary>
    public bool Add(string path, XenStoreException error)
    {
        string text = $"{bus}: {path} cannot be looked at, and stays what it was: {error.Message}";
        if (_last.IsNew(path, text))
        {
            report(path, text);
        }

        // These two are answers, and asking again would bring the same: the path is not ours to read, or it is no path.
        return error.Error is not (XenStoreError.EACCES or XenStoreError.EINVAL);
    }

    /// <summary>The path has been examined: the next failure is reported.</summary>
    public void Forget(string path) => _last.Forget(path);
}
