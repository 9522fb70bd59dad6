namespace Xenlet.BenchPrograms;

/// <summary>What a measuring program is told, line by line, over its standard input.</summary>
internal static class Commands
{
    /// <summary>
    /// Does what each line says, and answers it with "done N", N counting them from 1. The line "memory NAME", which every program
    /// understands, measures the bytes that the guest could still use.
    /// </summary>
    /// <param name="runAsync">Does what the words of a line say; gives null for one that it does not understand.</param>
    /// <exception cref="ArgumentException">A line is not understood.</exception>
    public static async Task RunAsync(Func<string[], Task?> runAsync)
    {
        using StreamReader input = new(Console.OpenStandardInput());
        for (int line = 1; input.ReadLine() is { } text; line++)
        {
            string[] words = text.Split(' ');
            if (words is ["memory", var name])
            {
                Measure.Report(name, "free", Counters.FreeMemory());
            }
            else
            {
                await (runAsync(words) ?? throw new ArgumentException($"'{text}' is not understood."));
            }

            Console.WriteLine($"done {line}");
        }
    }
}
