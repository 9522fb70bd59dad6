using System.Runtime.InteropServices;

Console.WriteLine($"Hello from {RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}");
Console.WriteLine($"It is {DateTime.UtcNow:u}; {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20} MiB are for the collector to use.");
Console.WriteLine($"Arguments: {(args.Length == 0 ? "none" : string.Join(", ", args))}");

await Task.Delay(100);
Console.WriteLine("A tenth of a second passed, and nothing was in the way.");

try
{
    string? nothing = null;
    Console.WriteLine(nothing!.Length);
}
catch (NullReferenceException caught)
{
    Console.WriteLine($"Caught what the processor raised: {caught.Message}");
}

long sum = await Task.Run(() => Numbers.Sum(1_000_000));
Console.WriteLine($"The sum of a million numbers, from another thread: {sum:N0}");

/// <summary>Something to stop at with a debugger: docs/debugging.md.</summary>
internal static class Numbers
{
    public static long Sum(int last)
    {
        long sum = 0;
        for (int number = 1; number <= last; number++)
        {
            sum += number;
        }

        return sum;
    }
}
