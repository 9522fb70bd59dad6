namespace Xenlet.QemuXen.Base;

/// <summary>Linux's error numbers for file operations (include/uapi/asm-generic/errno-base.h, errno.h).</summary>
internal static class LinuxErrno
{
    public const int ENOENT = 2;
    public const int EIO = 5;
    public const int EACCES = 13;
    public const int EEXIST = 17;
    public const int EINVAL = 22;
    public const int ENOSPC = 28;
    public const int ENOTEMPTY = 39;
    public const int EOPNOTSUPP = 95;

    /// <summary>The error number for an exception, or null if it has nothing to do with files.</summary>
    public static int? Of(Exception exception) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => ENOENT,
        UnauthorizedAccessException => EACCES,
        ArgumentException => EINVAL,

        // On Linux, .NET keeps the error number of the failed system call.
        IOException { HResult: EEXIST or ENOSPC or ENOTEMPTY } known => known.HResult,
        IOException => EIO,
        _ => null,
    };
}
