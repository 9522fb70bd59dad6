using System.Globalization;
using Xenlet.Drivers.Block;

namespace Xenlet.Drivers;

/// <summary>A disk's back end could not carry out an operation. The disk can still be used.</summary>
public sealed class BlockIOException : IOException
{
    /// <summary>Makes an exception without an operation.</summary>
    public BlockIOException()
        : this("a disk's back end could not carry out an operation")
    {
    }

    /// <summary>Makes an exception with a message of its own.</summary>
    public BlockIOException(string message)
        : this(message, null)
    {
    }

    /// <summary>Makes an exception with a message of its own.</summary>
    public BlockIOException(string message, Exception? innerException)
        : base(message, innerException) => (Disk, Operation) = ("", "");

    internal BlockIOException(string disk, string operation, long offset, long length, BlockStatus status)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"{disk}: the back end failed to {operation} {length} bytes at {offset} (status {(short)status})"))
    {
        Disk = disk;
        Operation = operation;
        Offset = offset;
        Length = length;
        Status = (short)status;
    }

    /// <summary>The disk's name.</summary>
    public string Disk { get; }

    /// <summary>What failed: <c>read</c>, <c>write</c>, <c>flush</c> or <c>discard</c>.</summary>
    public string Operation { get; }

    /// <summary>
    /// Where the failed request began, in bytes. A large operation is several requests; this is the first one that failed.
    /// </summary>
    public long Offset { get; }

    /// <summary>The length of that request, in bytes.</summary>
    public long Length { get; }

    /// <summary>The back end's status: -1 is BLKIF_RSP_ERROR of <c>io/blkif.h</c>.</summary>
    public int Status { get; }
}
