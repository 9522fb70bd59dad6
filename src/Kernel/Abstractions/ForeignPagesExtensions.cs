namespace Xenlet.Kernel;

/// <summary>
/// Operations on other domains' pages that are made again while Xen answers <see cref="GrantResult.TryAgain"/>: after a pause of a
/// millisecond, which doubles, and eight times at most, as it takes a quarter of a second to bring a page back in bad times.
/// </summary>
public static class ForeignPagesExtensions
{
    private const int MaximumTries = 9;

    /// <summary>As <see cref="IForeignPages.Map"/>.</summary>
    /// <param name="foreign">Reaches the pages.</param>
    /// <param name="domain">The domain that has granted them.</param>
    /// <param name="references">Its grant references.</param>
    /// <param name="isReadOnly">Whether to map for reading only.</param>
    /// <param name="results">Receives an answer for each reference.</param>
    /// <param name="cancellationToken">Cancels the pauses; pages mapped by then are unmapped.</param>
    /// <returns>A page for each reference, or null where it is not mapped.</returns>
    public static async ValueTask<IForeignPage?[]> MapAsync(
        this IForeignPages foreign,
        ushort domain,
        ReadOnlyMemory<uint> references,
        bool isReadOnly,
        Memory<GrantResult> results,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(foreign);
        IForeignPage?[] pages = new IForeignPage?[references.Length];
        foreign.Map(domain, references.Span, isReadOnly, pages, results.Span);
        try
        {
            for (int tries = 1; tries < MaximumTries && results.Span[..pages.Length].Contains(GrantResult.TryAgain); tries++)
            {
                await PauseAsync(tries, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                for (int i = 0; i < pages.Length; i++)
                {
                    if (results.Span[i] == GrantResult.TryAgain)
                    {
                        foreign.Map(domain, references.Span.Slice(i, 1), isReadOnly, pages.AsSpan(i, 1), results.Span.Slice(i, 1));
                    }
                }
            }
        }
        catch
        {
            foreign.Unmap([.. pages.OfType<IForeignPage>()]);
            throw;
        }

        return pages;
    }

    /// <summary>As <see cref="IForeignPages.CopyFrom"/>. Completes at once unless Xen asks for another try.</summary>
    /// <returns>Whether all parts were copied.</returns>
    public static ValueTask<bool> CopyFromAsync(
        this IForeignPages foreign,
        ushort domain,
        Memory<GrantCopy> copies,
        Memory<byte> buffer,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(foreign);
        foreign.CopyFrom(domain, copies.Span, buffer.Span);
        return IsDone(copies.Span, out bool isGood)
            ? new(isGood)
            : AgainAsync(part => foreign.CopyFrom(domain, part.Span, buffer.Span), copies, cancellationToken);
    }

    /// <summary>As <see cref="IForeignPages.CopyTo"/>. Completes at once unless Xen asks for another try.</summary>
    /// <returns>Whether all parts were copied.</returns>
    public static ValueTask<bool> CopyToAsync(
        this IForeignPages foreign,
        ushort domain,
        Memory<GrantCopy> copies,
        ReadOnlyMemory<byte> buffer,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(foreign);
        foreign.CopyTo(domain, copies.Span, buffer.Span);
        return IsDone(copies.Span, out bool isGood)
            ? new(isGood)
            : AgainAsync(part => foreign.CopyTo(domain, part.Span, buffer.Span), copies, cancellationToken);
    }

    /// <summary>Whether no part is to be tried again, and whether all were copied.</summary>
    private static bool IsDone(ReadOnlySpan<GrantCopy> copies, out bool isGood)
    {
        isGood = true;
        bool isDone = true;
        foreach (GrantCopy copy in copies)
        {
            isGood &= copy.Result == GrantResult.Okay;
            isDone &= copy.Result != GrantResult.TryAgain;
        }

        return isDone;
    }

    private static async ValueTask<bool> AgainAsync(
        Action<Memory<GrantCopy>> copy, Memory<GrantCopy> copies, CancellationToken cancellationToken)
    {
        bool isGood = false;
        for (int tries = 1; tries < MaximumTries && !IsDone(copies.Span, out isGood); tries++)
        {
            await PauseAsync(tries, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            for (int i = 0; i < copies.Length; i++)
            {
                if (copies.Span[i].Result == GrantResult.TryAgain)
                {
                    copy(copies.Slice(i, 1));
                }
            }
        }

        return IsDone(copies.Span, out isGood) && isGood;
    }

    private static Task PauseAsync(int tries, CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromMilliseconds(1 << (tries - 1)), EventLoop.Clock, cancellationToken);
}
