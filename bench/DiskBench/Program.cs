using System.Diagnostics;
using System.Globalization;
using Xenlet.DiskBench;

// Does what lines of standard input say, and answers each with "done N", N counting them from 1:
//   work NAME read|write sequential|random SIZE DEPTH COUNT   measures it: lines "measured NAME.FIGURE VALUE", for one operation
//   memory NAME                                               measures the bytes that the guest could still use
//   live                                                      writes a line every 20 ms, for ever
await using Disk disk = await Disk.OpenAsync();
using StreamReader input = new(Console.OpenStandardInput());
Console.WriteLine($"DiskBench has a disk of {disk.Length} bytes");
for (int line = 1; input.ReadLine() is { } text; line++)
{
    switch (text.Split(' '))
    {
        case ["work", var name, .. var words]:
            await MeasureAsync(name, Work.Parse(words));
            break;
        case ["memory", var name]:
            Report(name, "free", Counters.FreeMemory());
            break;
        case ["live"]:
            Live();
            break;
        default:
            throw new ArgumentException($"'{text}' is not understood.");
    }

    Console.WriteLine($"done {line}");
}

async Task MeasureAsync(string name, Work work)
{
    disk.Prepare(work);
    long garbage = GC.GetTotalAllocatedBytes(precise: true);
    Counters before = Counters.Read();
    long start = Stopwatch.GetTimestamp();
    await disk.RunAsync(work);
    TimeSpan time = Stopwatch.GetElapsedTime(start);
    Counters after = Counters.Read();
    garbage = GC.GetTotalAllocatedBytes(precise: true) - garbage;
    Report(name, "time", time.TotalNanoseconds / work.Count);
    Report(name, "garbage", (double)garbage / work.Count);
    foreach ((string what, double count) in after.Since(before))
    {
        Report(name, what, count / work.Count);
    }
}

static void Live()
{
    for (int i = 0; ; i++)
    {
        Console.WriteLine($"alive {i}");
        Thread.Sleep(20);
    }
}

static void Report(string name, string what, double value) =>
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"measured {name}.{what} {value:F3}"));
