using Xenlet.BenchPrograms;
using Xenlet.DiskBench;

// Lines of standard input:
//   work NAME read|write sequential|random SIZE DEPTH COUNT   measures it: lines "measured NAME.FIGURE VALUE", for one operation
//   memory NAME                                               measures the bytes that the guest could still use
//   live                                                      writes a line every 20 ms, for ever
await using Disk disk = await Disk.OpenAsync();
Console.WriteLine($"DiskBench has a disk of {disk.Length} bytes");
await Commands.RunAsync(words =>
{
    switch (words)
    {
        case ["work", var name, .. var rest]:
            return MeasureAsync(name, Work.Parse(rest));
        case ["live"]:
            Live();
            return Task.CompletedTask;
        default:
            return null;
    }
});

Task MeasureAsync(string name, Work work)
{
    disk.Prepare(work);
    return Measure.RunAsync(name, async () =>
    {
        await disk.RunAsync(work);
        return work.Count;
    });
}

static void Live()
{
    for (int i = 0; ; i++)
    {
        Console.WriteLine($"alive {i}");
        Thread.Sleep(20);
    }
}
