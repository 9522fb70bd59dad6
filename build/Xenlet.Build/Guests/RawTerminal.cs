using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Xenlet.Build;

/// <summary>
/// While it exists, the terminal on standard input hands over every byte as it is typed, Ctrl-C included, and echoes nothing: the
/// guest's line discipline does that. Does nothing when standard input is no terminal.
/// </summary>
internal sealed unsafe class RawTerminal : IDisposable
{
    private const int StandardInput = 0;

    /// <summary>tcsetattr(3): TCSANOW.</summary>
    private const int Now = 0;

    /// <summary>Larger than the struct termios of any libc.</summary>
    private const int TermiosSize = 256;

    private readonly byte[] _saved = new byte[TermiosSize];
    private bool _changed;

    public RawTerminal()
    {
        if (Console.IsInputRedirected)
        {
            return;
        }

        byte* raw = stackalloc byte[TermiosSize];
        fixed (byte* saved = _saved)
        {
            if (GetAttributes(StandardInput, saved) != 0)
            {
                throw new Win32Exception();
            }
        }

        _saved.CopyTo(new Span<byte>(raw, TermiosSize));
        MakeRaw(raw);
        if (SetAttributes(StandardInput, Now, raw) != 0)
        {
            throw new Win32Exception();
        }

        _changed = true;
    }

    /// <summary>Gives the terminal back as it was.</summary>
    public void Dispose()
    {
        if (!_changed)
        {
            return;
        }

        _changed = false;
        fixed (byte* saved = _saved)
        {
            _ = SetAttributes(StandardInput, Now, saved);
        }
    }

    [DllImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetAttributes(int descriptor, byte* termios);

    [DllImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetAttributes(int descriptor, int when, byte* termios);

    [DllImport("libc", EntryPoint = "cfmakeraw")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void MakeRaw(byte* termios);
}
