using System.Diagnostics;

namespace Xenlet.QemuXen.Base;

/// <summary>
/// Puts the terminal on standard input into raw mode, so that every key goes to the guest, and restores it when disposed. Uses stty(1),
/// because .NET has no such mode.
/// </summary>
internal sealed class TerminalRawMode : IDisposable
{
    private readonly string _settings;

    private TerminalRawMode(string settings)
    {
        _settings = settings;
        AppDomain.CurrentDomain.ProcessExit += Restore;
        Stty("raw", "-echo");
    }

    /// <summary>Enters raw mode. Returns null if standard input is not a terminal.</summary>
    public static TerminalRawMode? Enter() =>
        Console.IsInputRedirected || Stty("-g") is not { Length: > 0 } settings ? null : new(settings);

    /// <summary>Restores the terminal's settings.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= Restore;
        Stty(_settings);
    }

    private static string Stty(params string[] arguments)
    {
        // All three streams are redirected: after a child that may use the terminal, .NET resets the terminal's modes to its own.
        using Process process = Process.Start(new ProcessStartInfo("stty", ["-F", "/dev/tty", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.Trim();
    }

    private void Restore(object? sender, EventArgs e) => Stty(_settings);
}
