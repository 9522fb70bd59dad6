namespace Xenlet.Kernel;

/// <summary>One part of a copy between a buffer and pages of another domain: <see cref="IForeignPages.CopyFrom"/>.</summary>
public struct GrantCopy
{
    /// <summary>The other domain's grant reference.</summary>
    public uint Reference { get; set; }

    /// <summary>Offset in the granted page, in bytes.</summary>
    public int Offset { get; set; }

    /// <summary>Size in bytes: at least 1, and not beyond the end of the granted page.</summary>
    public int Length { get; set; }

    /// <summary>Offset in the buffer, in bytes.</summary>
    public int BufferOffset { get; set; }

    /// <summary>The answer. The call writes it.</summary>
    public GrantResult Result { get; set; }
}
