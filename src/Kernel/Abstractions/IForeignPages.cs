namespace Xenlet.Kernel;

/// <summary>Reaches pages that other domains have granted to this one: maps them, or has Xen copy from and to them.</summary>
/// <remarks>
/// <para>Every operation of a batch has its own answer, and none says anything about another. An answer of
/// <see cref="GrantResult.TryAgain"/> is the caller's: <see cref="ForeignPagesExtensions"/> has calls that make such operations again.
/// </para>
/// <para>Copying costs no mapping, and needs no trust in memory that changes while it is read. A ring has to be mapped.</para>
/// <para>All members are thread-safe, and throw <see cref="PlatformNotSupportedException"/> in a guest that runs without Xen.</para>
/// </remarks>
public interface IForeignPages
{
    /// <summary>
    /// The number of mappings that Xen did not end. Their pages cannot be reached any more, and no other page comes to their addresses.
    /// </summary>
    int StuckPages { get; }

    /// <summary>Maps pages. At most 32,768 can be mapped at a time.</summary>
    /// <param name="domain">The domain that has granted them.</param>
    /// <param name="references">Its grant references.</param>
    /// <param name="isReadOnly">Whether to map for reading only, as a grant for reading requires.</param>
    /// <param name="pages">Receives a page for each reference, or null where it is not mapped. The caller disposes of them.</param>
    /// <param name="results">Receives an answer for each reference.</param>
    /// <exception cref="ArgumentException"><paramref name="pages"/> or <paramref name="results"/> is too short.</exception>
    void Map(
        ushort domain, ReadOnlySpan<uint> references, bool isReadOnly, Span<IForeignPage?> pages, Span<GrantResult> results);

    /// <summary>
    /// Ends mappings, those that have not ended yet. One that Xen does not end counts in <see cref="StuckPages"/>, and is ended for the
    /// caller all the same.
    /// </summary>
    /// <returns>Whether Xen has ended all.</returns>
    bool Unmap(ReadOnlySpan<IForeignPage> pages);

    /// <summary>Copies from another domain's pages into a buffer, part by part.</summary>
    /// <param name="domain">The domain that has granted the pages.</param>
    /// <param name="copies">The parts. Each receives its answer.</param>
    /// <param name="buffer">The buffer. What a part that failed should have filled is undefined.</param>
    /// <exception cref="ArgumentException">A part lies outside the buffer.</exception>
    void CopyFrom(ushort domain, Span<GrantCopy> copies, Span<byte> buffer);

    /// <summary>Copies from a buffer into another domain's pages, part by part.</summary>
    /// <param name="domain">The domain that has granted the pages.</param>
    /// <param name="copies">The parts. Each receives its answer.</param>
    /// <param name="buffer">The buffer.</param>
    /// <exception cref="ArgumentException">A part lies outside the buffer.</exception>
    void CopyTo(ushort domain, Span<GrantCopy> copies, ReadOnlySpan<byte> buffer);

    /// <summary>
    /// Copies into another domain's pages, part by part, from pages of a third one or from a buffer: what goes through needs no memory of
    /// this domain.
    /// </summary>
    /// <param name="source">The domain that has granted the pages to copy from. It may change them meanwhile.</param>
    /// <param name="destination">The domain that has granted the pages to copy to.</param>
    /// <param name="transfers">
    /// The parts. Each receives its answer, which does not say to which of both pages it is due; and none is made again.
    /// </param>
    /// <param name="buffer">The buffer.</param>
    /// <exception cref="ArgumentException">A part lies outside the buffer.</exception>
    void CopyBetween(ushort source, ushort destination, Span<GrantTransfer> transfers, ReadOnlySpan<byte> buffer);
}
