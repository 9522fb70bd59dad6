namespace Xenlet.Kernel.Nucleus.Linux.Tar;

/// <summary>The path of an entry, where the archive has it: in one piece, or in two with a slash between.</summary>
internal unsafe struct TarPath
{
    public byte* Prefix;
    public ulong PrefixLength;
    public byte* Name;
    public ulong NameLength;

    /// <summary>Where the name begins.</summary>
    private readonly ulong NameStart => PrefixLength == 0 ? 0 : PrefixLength + 1;

    public readonly ulong Length => NameStart + NameLength;

    /// <summary>A byte of the path.</summary>
    public readonly byte this[ulong index] =>
        index >= NameStart ? Name[index - NameStart] : index == PrefixLength ? (byte)'/' : Prefix[index];

    /// <summary>The bytes from a position on, which are behind each other up to the next slash.</summary>
    public readonly byte* At(ulong index) => index >= NameStart ? Name + (index - NameStart) : Prefix + index;
}
