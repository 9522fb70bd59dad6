namespace Xenlet.Kernel;

/// <summary>Who has the guest's memory: pages of 4096 bytes by owner. The owners together with what is free are all of it.</summary>
/// <param name="Owners">Each owner's name and pages, in a fixed order.</param>
/// <param name="FreePages">Pages that hold nothing.</param>
/// <param name="PromisedPages">Of the free ones, those that are promised to the program and not touched yet.</param>
public sealed record MemoryReport(IReadOnlyList<MemoryOwner> Owners, ulong FreePages, ulong PromisedPages);

/// <summary>An owner of memory.</summary>
/// <param name="Name">Such as <c>image</c>, <c>stacks</c>, <c>shared with other domains</c>.</param>
/// <param name="Pages">Its pages.</param>
public sealed record MemoryOwner(string Name, ulong Pages);
