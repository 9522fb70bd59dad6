namespace Xenlet.Kernel;

/// <summary>A grant of a <see cref="SharedPage"/>, which keeps count of its grants.</summary>
internal sealed class Grant(SharedPage page, uint reference, ushort domain, bool isReadOnly) : IGrant
{
    public uint Reference { get; } = reference;

    public ushort Domain { get; } = domain;

    public bool IsReadOnly { get; } = isReadOnly;

    /// <summary>Whether the kernel, not its owner, sees to its end. Guarded by the page's lock.</summary>
    internal bool IsAbandoned { get; set; }

    public bool TryEnd() => page.TryEnd(this);

    public void Dispose() => page.Abandon(this);
}
