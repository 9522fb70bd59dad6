namespace Xenlet.Kernel;

/// <summary>A grant of a <see cref="SharedPage"/>, which keeps count of its grants.</summary>
/// <param name="page">The page.</param>
/// <param name="handle">The nucleus's handle of the grant, whose lower half is the reference.</param>
/// <param name="domain">The other domain.</param>
/// <param name="isReadOnly">Whether it may only read.</param>
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

    /// <summary>What the nucleus knows the grant by. Handles of one generation of the domain are above all of an earlier one.</summary>
    public long Handle { get; } = handle;

    /// <summary>Whether the kernel, not its owner, sees to its end. Guarded by the page's lock.</summary>
    public bool IsAbandoned { get; private set; }

    public bool TryEnd() => page.TryEnd(this);

    public void Dispose() => page.Abandon(this);

    /// <summary>Its owner has no more to do with it.</summary>
    public void Abandon()
    {
        IsAbandoned = true;
        _isOver = true;
    }

    /// <summary>It has ended, and its reference may be another grant's.</summary>
    public void OnEnded() => _isOver = true;
}
