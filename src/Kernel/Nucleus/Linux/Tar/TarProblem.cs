namespace Xenlet.Kernel.Nucleus.Linux.Tar;

/// <summary>Why an archive is refused.</summary>
internal enum TarProblem
{
    None,
    NoHeader,
    Checksum,
    Number,
    Truncated,
    NoEnd,
    NoEntry,
    Record,
    RepeatedRecord,
    ForeignRecord,
    Time,
    Link,
    Device,
    Sparse,
    Kind,
    DirectoryWithContent,
    EmptyName,
    AbsolutePath,
    ParentDirectory,
    Dot,
    ZeroByte,
    LongName,
    LongPath,
    NotUtf8,
    FileWithSlash,
    OwnName,
    Duplicate,
    DirectoryIsThere,
    FileIsThere,
    BelowFile,
    TooMany,
    NoMemory,
}

/// <summary>What an administrator is told.</summary>
internal static class TarProblemText
{
    /// <summary>The end of a sentence that begins with the entry.</summary>
    public static ReadOnlySpan<byte> Of(TarProblem problem) => problem switch
    {
        TarProblem.NoHeader => "has no header of a tar archive (ustar, pax or GNU, not compressed)"u8,
        TarProblem.Checksum => "has a header with a wrong checksum"u8,
        TarProblem.Number => "has a size, time or checksum that is no number"u8,
        TarProblem.Truncated => "reaches beyond the end of the ramdisk"u8,
        TarProblem.NoEnd => "is missing, and so are the two empty blocks at an archive's end"u8,
        TarProblem.NoEntry => "does not follow its extended header"u8,
        TarProblem.Record => "has a pax header with a record that is none"u8,
        TarProblem.RepeatedRecord => "has path, size or mtime twice in its pax headers"u8,
        TarProblem.ForeignRecord => "has a pax header that changes what a file is"u8,
        TarProblem.Time => "has a time later than the year 2554"u8,
        TarProblem.Link => "is a link"u8,
        TarProblem.Device => "is a device or a pipe"u8,
        TarProblem.Sparse => "is a sparse file"u8,
        TarProblem.Kind => "is neither a file nor a directory"u8,
        TarProblem.DirectoryWithContent => "is a directory with a size"u8,
        TarProblem.EmptyName => "has an empty name in its path"u8,
        TarProblem.AbsolutePath => "has an absolute path"u8,
        TarProblem.ParentDirectory => "has '..' in its path"u8,
        TarProblem.Dot => "has '.' behind the beginning of its path"u8,
        TarProblem.ZeroByte => "has a zero byte in its path"u8,
        TarProblem.LongName => "has a name of more than 255 bytes"u8,
        TarProblem.LongPath => "has a path of more than 4,000 bytes"u8,
        TarProblem.NotUtf8 => "has a path that is not UTF-8"u8,
        TarProblem.FileWithSlash => "is a file with a slash at the end of its path"u8,
        TarProblem.OwnName => "has the name of the program itself"u8,
        TarProblem.Duplicate => "is there a second time"u8,
        TarProblem.DirectoryIsThere => "is a file, and there is a directory of this path"u8,
        TarProblem.FileIsThere => "is a directory, and there is a file of this path"u8,
        TarProblem.BelowFile => "lies below a file"u8,
        TarProblem.TooMany => "makes more than 16,384 files and directories"u8,
        _ => "has no room in the domain's memory"u8,
    };
}
