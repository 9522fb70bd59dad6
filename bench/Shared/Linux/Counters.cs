using System.Globalization;

namespace Xenlet.BenchPrograms;

/// <summary>What Linux's kernel counts.</summary>
internal sealed class Counters
{
    private readonly double _interrupts = Interrupts();
    private readonly double _switches = Switches();

    private Counters()
    {
    }

    public static Counters Read() => new();

    /// <summary>MemAvailable: bytes that programs could still take, what can be taken back from caches included.</summary>
    public static double FreeMemory() => 1024 * Number(Line("/proc/meminfo", "MemAvailable:")[1]);

    /// <summary>What was counted between an earlier reading and this one.</summary>
    public IEnumerable<(string What, double Count)> Since(Counters earlier) =>
        [("interrupts", _interrupts - earlier._interrupts), ("switches", _switches - earlier._switches)];

    /// <summary>
    /// Events of disks and network interfaces: a line has the interrupt's number, a count for the one processor, and names.
    /// </summary>
    private static double Interrupts() => Lines("/proc/interrupts")
        .Where(words => words[^1].StartsWith("blkif", StringComparison.Ordinal) || words[^1].StartsWith("vif", StringComparison.Ordinal))
        .Sum(words => Number(words[1]));

    private static double Switches() => Number(Line("/proc/stat", "ctxt")[1]);

    private static string[] Line(string file, string word) => Lines(file).First(words => words.Contains(word));

    private static IEnumerable<string[]> Lines(string file) =>
        File.ReadLines(file).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(words => words.Length > 0);

    private static double Number(string word) => double.Parse(word, CultureInfo.InvariantCulture);
}
