namespace Xenlet.XenStoreRing;

/// <summary>What a watch tells. An event is a hint to look: several changes may share one, and what changed may be gone again.</summary>
/// <param name="Path">
/// The node that may have changed, in the watch's own form: below a relative watch path, relative. The watch's own path when
/// <paramref name="LookAtEverything"/> is set.
/// </param>
/// <param name="LookAtEverything">
/// Events came faster than they were read, or one was not understood: anything at or below the watched path may have changed.
/// </param>
public readonly record struct XenStoreWatchEvent(string Path, bool LookAtEverything);
