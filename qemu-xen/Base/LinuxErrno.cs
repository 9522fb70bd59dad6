namespace Xenlet.QemuXen.Base;

/// <summary>Linux's error numbers (include/uapi/asm-generic/errno-base.h, errno.h) for what goes wrong with files.</summary>
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

    /// <summary>The number that says what an exception says; null for one that has nothing to do with files.</summary>
    public static int? Of(Exception exception) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => NoEntry,
        UnauthorizedAccessException => Access,
        ArgumentException => Invalid,

        // On Linux .NET keeps the number of the system call that failed.
        IOException { HResult: Exists or NoSpace or NotEmpty } known => known.HResult,
        IOException => InputOutput,
        _ => null,
    };
}
