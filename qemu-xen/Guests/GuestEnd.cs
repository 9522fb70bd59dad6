using System.Globalization;

namespace Xenlet.QemuXen;

/// <summary>Why a guest ended. The first six have the numbers of Xen's shutdown reasons (public/sched.h, SHUTDOWN_*).</summary>
public enum GuestEndReason
{
    /// <summary>It asked to be switched off.</summary>
    PowerOff = 0,

    /// <summary>It asked for a restart, or a triple fault looked like one.</summary>
    Reboot = 1,

    /// <summary>It was suspended and its domain removed: saved or migrated away.</summary>
    Suspend = 2,

    /// <summary>It reported its own crash, or Xen crashed it.</summary>
    Crash = 3,

    /// <summary>Its watchdog timer ran out.</summary>
    Watchdog = 4,

    /// <summary>It asked for a soft reset.</summary>
    SoftReset = 5,

    /// <summary>It was ended from outside.</summary>
    Destroyed = 100,
}

/// <summary>How a guest ended.</summary>
/// <param name="Reason">Why the domain ended.</param>
/// <param name="ExitStatus">The program's status from the last console line <c>xenlet: exit N</c>, or null without that line.</param>
public sealed record GuestEnd(GuestEndReason Reason, int? ExitStatus)
{
    private const string StatusPrefix = "xenlet: exit ";

    /// <summary>Reads the program's exit status from the last line of a console that has something on it.</summary>
    public static int? ParseExitStatus(string console)
    {
        ReadOnlySpan<char> text = console.AsSpan().TrimEnd();
        ReadOnlySpan<char> line = text[(text.LastIndexOf('\n') + 1)..].Trim();
        return line.StartsWith(StatusPrefix, StringComparison.Ordinal)
            && int.TryParse(line[StatusPrefix.Length..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int status)
            ? status
            : null;
    }
}
