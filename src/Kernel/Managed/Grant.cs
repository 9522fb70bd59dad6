namespace Xenlet.Kernel;

/// <summary>A grant of a <see cref="SharedPage"/>, which keeps count of its grants.</summary>
/// <param name="page">The page.</param>
/// <param name="handle">The nucleus's handle of the grant. Its lower half is the grant reference.</param>
/// <param name="domain">The other domain.</param>
/// <param name="isReadOnly">Whether the domain may only read.</param>
internal sealed class Grant(SharedPage page, long handle, ushort domain, bool isReadOnly) : IGrant
{
    private volatile bool _isOver;

    public uint Reference
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isOver || page.HasLost(this), this);
            return (uint)Handle;
        }
    }

    public ushort Domain { get; } = domain;

    public bool IsReadOnly { get; } = isReadOnly;

    /// <summary>
    /// The nucleus's handle of the grant. All handles of one generation of the domain are greater than those of earlier ones.
    /// </summary>
    public long Handle { get; } = handle;

    /// <summary>Whether the kernel, and not the owner, must end it. Guarded by the page's lock.</summary>
    public bool IsAbandoned { get; private set; }

    public bool TryEnd() => page.TryEnd(this);

    public void Dispose() => page.Abandon(this);

    /// <summary>The owner is done with it.</summary>
    public void Abandon()
    {
        IsAbandoned = true;
        _isOver = true;
    }

    /// <summary>The grant has ended, and its reference may already be another grant's.</summary>
    public void OnEnded() => _isOver = true;
}
