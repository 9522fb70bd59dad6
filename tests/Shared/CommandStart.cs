using System.Diagnostics;

namespace Xenlet.Tests;

/// <summary>How a test starts a command whose output it reads.</summary>
internal static class CommandStart
{
    /// <summary>
    /// Describes the start of a command. The build that started the tests left variables of its own; they are not the command's.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables over those of this process.</param>
    public static ProcessStartInfo Create(
        string command, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string variable in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToList())
        {
            start.Environment.Remove(variable);
        }

        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
