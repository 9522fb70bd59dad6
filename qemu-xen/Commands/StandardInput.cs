using Microsoft.Win32.SafeHandles;

namespace Xenlet.QemuXen;

/// <summary>The program's standard input as bytes.</summary>
public static class StandardInput
{
    /// <summary>
    /// Opens standard input. If it is a terminal, <see cref="Console.OpenStandardInput()"/> would edit lines itself and set the terminal's
    /// modes.
    /// </summary>
    /// <returns>A stream that leaves the descriptor open when it is disposed.</returns>
    public static Stream Open() => Console.IsInputRedirected
        ? Console.OpenStandardInput()
        : new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
}
