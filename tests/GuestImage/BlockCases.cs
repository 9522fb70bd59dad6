using System.Diagnostics;
using System.Globalization;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.GuestImage;

/// <summary>Disks of real back ends. The host types commands at the console, line by line, and reads the results.</summary>
internal static class BlockCases
{
    private const int Chunk = 64 << 10;
    private const int Depth = 8;

    private static readonly Dictionary<string, IDisposable> Held = [];
    private static readonly Dictionary<string, SteadyDiskWork> Steady = [];

    /// <summary>The last command, after every disk was unplugged.</summary>
    private const string EndUnplugged = "end unplugged";

    public static IEnumerable<Case> All =>
    [
        new("block", () => RunAsync(interfaces: null)),
        new("block-echo", () => EchoCases.RunBesideAsync(stack => RunAsync(new() { LinkUser = stack }))),
    ];

    private static async Task RunAsync(NetworkOptions? interfaces)
    {
        GuestStatistics before = Guest.ReadStatistics();
        string? command;
        DomainServicesOptions options = new()
        {
            Interfaces = interfaces,
            BeforeStart = starting => _ = ShowAsync(starting.FrontBus.Subscribe()),
            Control = new() { PreparationTimeLimit = TimeSpan.FromSeconds(45) },
        };
        await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, options))
        {
            using IDisposable hook = services.Control.OnSuspend(TellBeforeAsync, TellAfterAsync);
            Console.WriteLine("ready");
            while ((command = (await Task.Run(Console.In.ReadLine))?.Trim()) is not (null or "end" or EndUnplugged))
            {
                await DoAsync(services.Disks, command);
            }
        }

        // The back end of a removed disk unmaps its pages some time later; that of a present disk keeps them.
        for (int i = 0; i < 600 && command == EndUnplugged && Guest.Pages.HeldPages > 0; i++)
        {
            await Task.Delay(100);
        }

        Leftovers.Report(before);
    }

    private static async ValueTask TellBeforeAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(Steady.Values.Select(work => work.WaitUntilUnderWayAsync(cancellationToken)));
        Console.WriteLine("suspending in the middle of work");
    }

    private static ValueTask TellAfterAsync(SuspendOutcome outcome)
    {
        foreach (SteadyDiskWork work in Steady.Values)
        {
            work.LetRest();
        }

        Console.WriteLine($"suspended: {outcome}");
        return default;
    }

    private static async Task ShowAsync(XenBusEvents events)
    {
        await foreach (XenBusEvent happened in events)
        {
            Console.WriteLine($"bus {happened}");
        }
    }

    private static async Task DoAsync(BlockDriver driver, string line)
    {
        string[] words = line.Split(' ');
        try
        {
            BlockDevice disk = await driver.WaitForAsync(words[1]).AsTask().WaitAsync(TimeSpan.FromMinutes(2));
            long[] numbers = [.. words[2..].Select(word => long.Parse(word, CultureInfo.InvariantCulture))];
            string result = words[0] switch
            {
                "show" => $"{disk} flush {disk.CanFlush} discard {disk.CanDiscard} granularity {disk.DiscardGranularity}",
                "fill" => await FillAsync(disk, (int)numbers[0]),
                "check" => await CheckAsync(disk, (int)numbers[0]),
                "random" => await RandomAsync(disk, (int)numbers[0], (int)numbers[1]),
                "flush" => await DoneAsync(disk.FlushAsync()),
                "discard" => await DoneAsync(disk.DiscardAsync(numbers[0], numbers[1])),
                "zeros" => await ZerosAsync(disk, numbers[0], (int)numbers[1]),
                "write" => await DoneAsync(disk.WriteAsync(numbers[0], new byte[512])),
                "grows" => await GrowsAsync(disk, numbers[0]),
                "hold" => Hold(disk),
                "release" => Release(words[1]),
                "busy" => await BusyAsync(disk),
                "steady" => await StartSteadyAsync(disk, (int)numbers[0]),
                "progress" => await Steady[disk.Name].ProgressAsync(),
                "stop" => await Steady[disk.Name].EndAsync(),
                "count" => disk.Statistics.ToString(),
                "speed" => await SpeedAsync(disk, (int)numbers[0]),
                _ => "is not understood",
            };
            Console.WriteLine($"done {line}: {result}");
        }
        catch (Exception failure)
        {
            Console.WriteLine($"failed {line}: {failure.GetType().Name}: {failure.Message}");
        }
    }

    private static async Task<string> DoneAsync(ValueTask task)
    {
        await task;
        return "ok";
    }

    private static async Task<string> FillAsync(BlockDevice disk, int seed)
    {
        await ForAllAsync(disk, async (offset, buffer) =>
        {
            BlockPattern.Fill(buffer.Span, offset / BlockPattern.SectorSize, seed);
            await disk.WriteAsync(offset, buffer);
        });
        await disk.FlushAsync();
        return "ok";
    }

    private static async Task<string> CheckAsync(BlockDevice disk, int seed)
    {
        long different = -1;
        await ForAllAsync(disk, async (offset, buffer) =>
        {
            await disk.ReadAsync(offset, buffer);
            long found = BlockPattern.FindDifference(buffer.Span, offset / BlockPattern.SectorSize, seed);
            different = found >= 0 ? found : different;
        });
        return different < 0 ? "ok" : $"sector {different} differs";
    }

    private static Task ForAllAsync(BlockDevice disk, Func<long, Memory<byte>, Task> work)
    {
        long next = 0;
        return Task.WhenAll(Enumerable.Range(0, Depth).Select(async _ =>
        {
            byte[] buffer = new byte[Chunk];
            while (Interlocked.Add(ref next, Chunk) - Chunk is var offset && offset < disk.Length)
            {
                await work(offset, buffer.AsMemory(0, (int)Math.Min(Chunk, disk.Length - offset)));
            }
        }));
    }

    /// <summary>
    /// Reads, writes, flushes and discards of random places and lengths, some at once; the model of a sector is the seed with which it was
    /// last filled.
    /// </summary>
    private static async Task<string> RandomAsync(BlockDevice disk, int count, int seed)
    {
        Random random = new(seed);
        int sectors = (int)(disk.Length / BlockPattern.SectorSize);
        int[] model = new int[sectors];
        Array.Fill(model, seed);
        await FillAsync(disk, seed);
        List<Task<string?>> running = [];
        for (int operation = 0; operation < count;)
        {
            // Operations that run at once are in different parts of the disk, so that their order does not matter.
            for (int part = 0; part < Depth; part++, operation++)
            {
                int partSize = sectors / Depth;
                int first = (part * partSize) + random.Next(partSize - 1);
                int length = Math.Min(random.Next(1, random.Next(4) == 0 ? 700 : 40), ((part + 1) * partSize) - first);
                running.Add(random.Next(20) switch
                {
                    0 => FlushOneAsync(disk),
                    < 10 => WriteOneAsync(disk, first, length, random.Next(1, 1 << 20), model),
                    _ => ReadOneAsync(disk, first, length, model),
                });
            }

            foreach (string? problem in await Task.WhenAll(running))
            {
                if (problem is not null)
                {
                    return problem;
                }
            }

            running.Clear();
        }

        byte[] all = new byte[Chunk];
        for (int sector = 0; sector < sectors; sector += Chunk / BlockPattern.SectorSize)
        {
            await disk.ReadAsync((long)sector * BlockPattern.SectorSize, all);
            if (Compare(all, sector, model) is { } problem)
            {
                return problem;
            }
        }

        return "ok";
    }

    private static async Task<string?> FlushOneAsync(BlockDevice disk)
    {
        await disk.FlushAsync();
        return null;
    }

    private static async Task<string?> WriteOneAsync(BlockDevice disk, int first, int length, int seed, int[] model)
    {
        byte[] data = new byte[length * BlockPattern.SectorSize];
        BlockPattern.Fill(data, first, seed);
        await disk.WriteAsync((long)first * BlockPattern.SectorSize, data);
        Array.Fill(model, seed, first, length);
        return null;
    }

    private static async Task<string?> ReadOneAsync(BlockDevice disk, int first, int length, int[] model)
    {
        byte[] data = new byte[length * BlockPattern.SectorSize];
        await disk.ReadAsync((long)first * BlockPattern.SectorSize, data);
        return Compare(data, first, model);
    }

    private static string? Compare(ReadOnlySpan<byte> data, int first, int[] model)
    {
        for (int at = 0; at < data.Length; at += BlockPattern.SectorSize, first++)
        {
            if (BlockPattern.FindDifference(data.Slice(at, BlockPattern.SectorSize), first, model[first]) >= 0)
            {
                return $"sector {first} is not what was written last";
            }
        }

        return null;
    }

    private static async Task<string> ZerosAsync(BlockDevice disk, long offset, int length)
    {
        byte[] data = new byte[length];
        await disk.ReadAsync(offset, data);
        return data.AsSpan().ContainsAnyExcept((byte)0) ? "no" : "ok";
    }

    /// <summary>Reads until the disk has a length, since a read makes blkback check its disk.</summary>
    private static async Task<string> GrowsAsync(BlockDevice disk, long length)
    {
        byte[] data = new byte[BlockPattern.SectorSize];
        Stopwatch time = Stopwatch.StartNew();
        while (disk.Length != length && time.Elapsed < TimeSpan.FromMinutes(1))
        {
            await disk.ReadAsync(0, data);
            await Task.Delay(50);
        }

        await disk.ReadAsync(disk.Length - data.Length, data);
        return disk.Length.ToString(CultureInfo.InvariantCulture);
    }

    private static string Hold(BlockDevice disk)
    {
        Held[disk.Name] = disk.Use();
        return "ok";
    }

    private static string Release(string name)
    {
        Held.Remove(name, out IDisposable? use);
        use?.Dispose();
        return "ok";
    }

    private static async Task<string> StartSteadyAsync(BlockDevice disk, int seed)
    {
        await FillAsync(disk, seed);
        Steady[disk.Name] = new SteadyDiskWork(disk, seed);
        return "ok";
    }

    /// <summary>
    /// Reads and writes without end, from now on, and reports what ended it. It answers when each worker has done something.
    /// </summary>
    private static async Task<string> BusyAsync(BlockDevice disk)
    {
        List<Task> begun = [];
        for (int worker = 0; worker < 4; worker++)
        {
            int number = worker;
            TaskCompletionSource hasBegun = new(TaskCreationOptions.RunContinuationsAsynchronously);
            begun.Add(hasBegun.Task);
            _ = Task.Run(async () =>
            {
                byte[] data = new byte[Chunk];
                long operations = 0;
                try
                {
                    while (true)
                    {
                        await (number % 2 == 0 ? disk.ReadAsync(number * Chunk, data) : disk.WriteAsync(number * Chunk, data));
                        operations++;
                        hasBegun.TrySetResult();
                    }
                }
                catch (Exception error)
                {
                    hasBegun.TrySetResult();
                    Console.WriteLine(
                        $"worker {number} of {disk.Name} did {(operations > 0 ? "some" : "none")} and ended: {error.GetType().Name}: "
                        + $"{error.Message}");
                }
            });
        }

        await Task.WhenAll(begun);
        return "ok";
    }

    private static async Task<string> SpeedAsync(BlockDevice disk, int size)
    {
        byte[] data = new byte[size];
        GuestStatistics before = Guest.ReadStatistics();
        long total = Math.Min(disk.Length, size <= 4096 ? 4 << 20 : 16 << 20);
        Stopwatch time = Stopwatch.StartNew();
        for (long offset = 0; offset < total; offset += size)
        {
            await disk.ReadAsync(offset, data);
        }

        GuestStatistics after = Guest.ReadStatistics();
        double operations = (double)total / size;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{total / time.Elapsed.TotalSeconds / (1 << 20):0.00} MiB/s, {time.Elapsed.TotalMicroseconds / operations:0} us, "
            + $"{(after.SystemCalls - before.SystemCalls) / operations:0.0} calls, "
                + $"{(after.ThreadSwitches - before.ThreadSwitches) / operations:0.0} switches an operation");
    }
}
