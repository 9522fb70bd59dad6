using System.Globalization;
using System.Runtime.InteropServices;

namespace Xenlet.PowerShellHost;

/// <summary>The child processes of this one. Linux only: they are found in /proc.</summary>
internal static class Children
{
    private const int SIGTERM = 15;

    /// <summary>Whether there are any. If so, Ctrl-C is theirs to handle first; the terminal sends it to all of them.</summary>
    public static bool Exist => Find().Any();

    /// <summary>
    /// Asks every child to end. When the script is stopped, the engine leaves alone a native command that has the console, so a signal
    /// meant for the whole script must be passed on.
    /// </summary>
    public static void Terminate()
    {
        foreach (int pid in Find())
        {
            _ = Kill(pid, SIGTERM);
        }
    }

    private static IEnumerable<int> Find()
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                && ParentOf(directory) == Environment.ProcessId)
            {
                yield return pid;
            }
        }
    }

    /// <summary>Field 4 of proc(5)'s stat. The command name before it may contain spaces and parentheses.</summary>
    private static int ParentOf(string directory)
    {
        try
        {
            string stat = File.ReadAllText(Path.Combine(directory, "stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return int.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return -1;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int pid, int signal);
}
