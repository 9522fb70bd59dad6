namespace Xenlet.Kernel;

/// <summary>The resources that connect this domain to others, apart from the kernel's own console and timer.</summary>
/// <param name="EventChannels">The ports of all open <see cref="IEventChannel"/>, in order.</param>
/// <param name="SharedPages">Pages in use that can be granted to other domains.</param>
/// <param name="Grants">Grant references in use.</param>
/// <param name="HeldPages">As <see cref="ISharedPages.HeldPages"/>.</param>
public sealed record ConnectionReport(IReadOnlyList<uint> EventChannels, ulong SharedPages, ulong Grants, int HeldPages);
