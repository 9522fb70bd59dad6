namespace Xenlet.Kernel;

/// <summary>Who owns the guest's memory: pages of 4096 bytes by owner. The owners and the free pages add up to all of it.</summary>
/// <param name="Owners">Each owner's name and pages, in a fixed order.</param>
/// <param name="FreePages">Free pages.</param>
/// <param name="PromisedPages">The free pages that are promised to the program and not touched yet.</param>
public sealed record MemoryReport(IReadOnlyList<MemoryOwner> Owners, ulong FreePages, ulong PromisedPages);

/// <summary>An owner of memory.</summary>
/// <param name="Name">A name such as <c>image</c>, <c>stacks</c>, <c>shared with other domains</c>.</param>
/// <param name="Pages">The number of its pages.</param>
public sealed record MemoryOwner(string Name, ulong Pages);
