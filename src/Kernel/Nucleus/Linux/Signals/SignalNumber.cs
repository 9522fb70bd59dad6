namespace Xenlet.Kernel.Nucleus.Linux.Signals;

/// <summary>Linux's signal numbers (asm/signal.h of x86).</summary>
internal static class SignalNumber
{
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGILL = 4;
    public const int SIGTRAP = 5;
    public const int SIGABRT = 6;
    public const int SIGBUS = 7;
    public const int SIGFPE = 8;
    public const int SIGKILL = 9;
    public const int SIGSEGV = 11;
    public const int SIGPIPE = 13;
    public const int SIGTERM = 15;
    public const int SIGCHLD = 17;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;
    public const int SIGTSTP = 20;
    public const int SIGTTIN = 21;
    public const int SIGTTOU = 22;
    public const int SIGURG = 23;
    public const int SIGWINCH = 28;

    /// <summary>_NSIG: signals are 1 to 64.</summary>
    public const int Last = 64;

    /// <summary>The signal's bit in a kernel sigset_t.</summary>
    public static ulong Bit(int signal) => 1UL << (signal - 1);

    public static ReadOnlySpan<byte> Name(int signal) => signal switch
    {
        SIGHUP => "SIGHUP"u8,
        SIGINT => "SIGINT"u8,
        SIGQUIT => "SIGQUIT"u8,
        SIGILL => "SIGILL"u8,
        SIGTRAP => "SIGTRAP"u8,
        SIGABRT => "SIGABRT"u8,
        SIGBUS => "SIGBUS"u8,
        SIGFPE => "SIGFPE"u8,
        SIGKILL => "SIGKILL"u8,
        SIGSEGV => "SIGSEGV"u8,
        SIGPIPE => "SIGPIPE"u8,
        SIGTERM => "SIGTERM"u8,
        _ => "a signal"u8,
    };
}
