namespace Xenlet.XenStoreRing;

/// <summary>
/// An event of a watch: a reason to read again. Several changes may share one event, and a change may already have been undone.
/// </summary>
/// <param name="Path">
/// The node that may have changed, in the watch's own form: below a relative watch path, relative. The watch's own path when
/// <paramref name="MustRescan"/> is set.
/// </param>
/// <param name="MustRescan">
/// Events came faster than they were read, or one was not understood: anything at or below the watched path may have changed.
/// </param>
public readonly record struct XenStoreWatchEvent(string Path, bool MustRescan);
