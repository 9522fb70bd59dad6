using System.Diagnostics.CodeAnalysis;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// Pages that are granted to one domain once and for all, rented or not (the protocols call them persistent grants), so that neither end
/// pays for a grant with each request. Data is copied through them; memory of the collector is never granted.
/// </summary>
/// <remarks>
/// A page is zeros when it is first granted, and never goes to another domain: a pool is for one connection to one back end. It grows as
/// pages are asked for, up to its maximum, and does not shrink. Renting allocates nothing once the pool has grown. Used by one thread at a
/// time.
/// </remarks>
public sealed class GrantedPagePool : IDisposable
{
    private readonly ISharedPages _pages;
    private readonly List<GrantedPage> _all = [];
    private readonly Stack<GrantedPage> _free = [];
    private bool _isDisposed;

    /// <summary>Makes an empty pool.</summary>
    /// <param name="pages">Where its pages come from.</param>
    /// <param name="domain">Who may read and write them.</param>
    /// <param name="maximum">How many there are at most.</param>
    public GrantedPagePool(ISharedPages pages, ushort domain, int maximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maximum);
        _pages = pages;
        Domain = domain;
        Maximum = maximum;
    }

    /// <summary>The domain that may read and write the pages.</summary>
    public ushort Domain { get; }

    /// <summary>The most pages it may have. Lower than asked for once memory or grants have run out.</summary>
    public int Maximum { get; private set; }

    /// <summary>Pages it has, rented or not.</summary>
    public int Count => _all.Count;

    /// <summary>Pages that can be rented now, those that would have to be made included.</summary>
    public int Available => _isDisposed ? 0 : Maximum - (_all.Count - _free.Count);

    /// <summary>Rents a page.</summary>
    /// <returns>
    /// False when all are rented: the caller waits until one is returned. Where the guest has no memory or no grant left, the pool makes do
    /// with the pages it has.
    /// </returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the first page.</exception>
    /// <exception cref="XenException">There is no grant for the first page, or Xen does not know the domain.</exception>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public bool TryRent([NotNullWhen(true)] out GrantedPage? page)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!_free.TryPop(out page) && (page = _all.Count < Maximum ? Make() : null) is null)
        {
            return false;
        }

        page.IsRented = true;
        return true;
    }

    /// <summary>Gives a page back that the other end does not use any more. After the pool was disposed it does nothing.</summary>
    /// <exception cref="InvalidOperationException">The page is not rented.</exception>
    public void Return(GrantedPage page)
    {
        if (_isDisposed)
        {
            return;
        }

        if (!page.IsRented)
        {
            throw new InvalidOperationException("the page is not rented");
        }

        page.IsRented = false;
        _free.Push(page);
    }

    /// <summary>
    /// Ends all grants and gives all pages back, rented ones too. A page that the other domain still has mapped is kept aside by the kernel
    /// until it lets go.
    /// </summary>
    public void Dispose() => Dispose("", null);

    /// <summary>The same, with a note of the grants of a device that the other domain does not let end.</summary>
    internal void Dispose(string device, HeldGrants? held)
    {
        _isDisposed = true;
        foreach (GrantedPage page in _all)
        {
            page.Dispose(device, held);
        }

        _all.Clear();
        _free.Clear();
    }

    private GrantedPage? Make()
    {
        ISharedPage? page = null;
        try
        {
            page = _pages.Allocate();
            GrantedPage made = new(page, page.Grant(Domain));
            _all.Add(made);
            return made;
        }
        catch (Exception error) when (error is OutOfMemoryException or XenException)
        {
            page?.Dispose();
            if (_all.Count == 0)
            {
                throw;
            }

            Maximum = _all.Count;
            return null;
        }
    }
}
