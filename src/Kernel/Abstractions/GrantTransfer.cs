namespace Xenlet.Kernel;

/// <summary>
/// One part of a copy from a page of one domain, or a buffer, to a page of another: <see cref="IForeignPages.CopyBetween"/>.
/// </summary>
public struct GrantTransfer
{
    /// <summary>Whether it comes from the buffer, and not from a page.</summary>
    public bool IsFromBuffer { get; set; }

    /// <summary>The grant reference of the page that it comes from.</summary>
    public uint SourceReference { get; set; }

    /// <summary>Offset in the page or buffer that it comes from, in bytes.</summary>
    public int SourceOffset { get; set; }

    /// <summary>The grant reference of the page that it goes to.</summary>
    public uint Reference { get; set; }

    /// <summary>Offset in that page, in bytes.</summary>
    public int Offset { get; set; }

    /// <summary>Size in bytes: at least 1, and not beyond the end of either page.</summary>
    public int Length { get; set; }

    /// <summary>The answer. The call writes it.</summary>
    public GrantResult Result { get; set; }
}
