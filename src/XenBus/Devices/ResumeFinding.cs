using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Devices;

/// <summary>What the examination of a device after a suspend has found.</summary>
/// <param name="Departed">Why it is no device any more, or <see langword="null"/>.</param>
/// <param name="Error">Why it could not be examined, or <see langword="null"/>.</param>
internal readonly record struct ResumeFinding(string? Departed, Exception? Error)
{
    /// <summary>Whether xenstored has said nothing yet.</summary>
    public bool IsTemporary => Error is XenStoreException { IsTemporary: true };
}
