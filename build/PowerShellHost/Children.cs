using System.Globalization;
using System.Runtime.InteropServices;

namespace Xenlet.PowerShellHost;

/// <summary>The processes this one started. Linux only: they are found in /proc.</summary>
internal static class Children
{
    private const int SIGTERM = 15;

    /// <summary>Whether there is any, so that Ctrl-C, which the terminal sends to all of them, is its business first.</summary>
    public static bool Exist => Find().Any();

    /// <summary>
    /// Asks every child to end. The engine leaves a native command that has the console alone even when the script is
    /// stopped, so a signal meant for the whole script has to be passed on.
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

    /// <summary>Field 4 of proc(5)'s stat; the command name before it may itself hold blanks and parentheses.</summary>
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
