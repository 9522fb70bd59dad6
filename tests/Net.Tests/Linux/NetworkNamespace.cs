using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Xenlet.Net.Tests.Linux;

/// <summary>Runs code in a network of its own: a thread that has left the machine's network namespace (<c>man 2 unshare</c>).</summary>
internal static partial class NetworkNamespace
{
    private const int NewNetwork = 0x40000000;

    /// <summary>Runs code on a new thread; its sockets and the commands that it starts see the new namespace alone.</summary>
    /// <exception cref="Win32Exception">Linux refused: it needs CAP_SYS_ADMIN, as root or under <c>unshare -Ur</c>.</exception>
    public static void Run(Action code)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                if (unshare(NewNetwork) != 0)
                {
                    throw new Win32Exception(
                        Marshal.GetLastPInvokeError(), "no network namespace could be made: run the tests as root, or under unshare -Ur");
                }

                code();
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>Runs a command, as <c>ip</c>, in the caller's namespace.</summary>
    public static void Command(string name, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{name} {arguments}: {errors}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);
}
