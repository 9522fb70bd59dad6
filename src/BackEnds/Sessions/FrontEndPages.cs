using Xenlet.Kernel;

namespace Xenlet.BackEnds;

/// <summary>The pages of one front end that are mapped for a connection, as many as it may have. Used by one thread at a time.</summary>
/// <param name="foreign">Maps them.</param>
/// <param name="domain">The front end's domain.</param>
/// <param name="maximum">The largest number of pages.</param>
/// <param name="all">Those with data of all front ends; null for no limit.</param>
public sealed class FrontEndPages(IForeignPages foreign, ushort domain, int maximum, DataPages? all = null) : IDisposable
{
    private readonly Dictionary<uint, IForeignPage> _persistent = [];
    private readonly List<IForeignPage> _mapped = [];
    private bool _isDisposed;

    /// <summary>The number of pages that are mapped.</summary>
    public int Count => _mapped.Count;

    /// <summary>Maps pages for writing, as those of a ring, all or none.</summary>
    /// <exception cref="InvalidDataException">They are too many, or Xen refuses one.</exception>
    public async ValueTask<IForeignPage[]> MapAsync(ReadOnlyMemory<uint> references, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (references.Length > maximum - Count)
        {
            throw new InvalidDataException($"a front end can have {maximum} mapped pages, and wants {Count + references.Length}");
        }

        GrantResult[] results = new GrantResult[references.Length];
        IForeignPage?[] pages = await foreign.MapAsync(domain, references, isReadOnly: false, results, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        IForeignPage[] mapped = [.. pages.OfType<IForeignPage>()];
        int refused = Array.FindIndex(results, result => result != GrantResult.Okay);
        if (refused >= 0)
        {
            foreign.Unmap(mapped);
            throw new InvalidDataException(
                $"grant {references.Span[refused]} of domain {domain} cannot be mapped: {results[refused]}");
        }

        _mapped.AddRange(mapped);
        return mapped;
    }

    /// <summary>
    /// The page of a grant that the front end keeps (<c>feature-persistent</c>), mapped when it is first needed and from then on. Null if
    /// Xen refuses, or the front end or all of them have their number of pages: then its content has to be copied by Xen.
    /// </summary>
    public IForeignPage? FindPersistent(uint reference)
    {
        if (_persistent.TryGetValue(reference, out IForeignPage? page) || _isDisposed || Count >= maximum || all?.TryAdd() == false)
        {
            return page;
        }

        IForeignPage?[] pages = new IForeignPage?[1];
        foreign.Map(domain, [reference], isReadOnly: false, pages, new GrantResult[1]);
        if (pages[0] is { } mapped)
        {
            _mapped.Add(mapped);
            _persistent.Add(reference, mapped);
        }
        else
        {
            all?.Remove(1);
        }

        return pages[0];
    }

    /// <summary>Unmaps all pages.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        if (_mapped.Count > 0)
        {
            foreign.Unmap([.. _mapped]);
            _mapped.Clear();
            all?.Remove(_persistent.Count);
            _persistent.Clear();
        }
    }
}
