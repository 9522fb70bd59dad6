namespace Xenlet.QemuXen.Base;

/// <summary>Linux's error numbers for file operations (include/uapi/asm-generic/errno-base.h, errno.h).</summary>
internal static class LinuxErrno
{
    public const int NoEntry = 2;
    public const int InputOutput = 5;
    public const int Access = 13;
    public const int Exists = 17;
    public const int Invalid = 22;
    public const int NoSpace = 28;
    public const int NotEmpty = 39;
    public const int NotSupported = 95;

    /// <summary>The error number for an exception, or null if it has nothing to do with files.</summary>
    public static int? Of(Exception exception) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => NoEntry,
        UnauthorizedAccessException => Access,
        ArgumentException => Invalid,

        // On Linux, .NET keeps the error number of the failed system call.
        IOException { HResult: Exists or NoSpace or NotEmpty } known => known.HResult,
        IOException => InputOutput,
        _ => null,
    };
}
