namespace Xenlet.QemuXen.Base;

/// <summary>Linux's error numbers (include/uapi/asm-generic/errno-base.h, errno.h) for what goes wrong with files.</summary>
internal static class LinuxErrno
{
    internal const int NoEntry = 2;
    internal const int InputOutput = 5;
    internal const int Access = 13;
    internal const int Exists = 17;
    internal const int Invalid = 22;
    internal const int NoSpace = 28;
    internal const int NotEmpty = 39;
    internal const int NotSupported = 95;

    /// <summary>The number that says what an exception says; null for one that has nothing to do with files.</summary>
    internal static int? Of(Exception exception) => exception switch
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
