using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.GuestImage;

/// <summary>
/// A guest that continues its work while others of its disks and interfaces have hostile back ends. dom0 writes numbers to the node
/// <c>data/mark</c>; for each the guest writes to <c>data/report</c> what it has done since the one before. It does not use the console,
/// whose other end may be hostile too.
/// </summary>
internal static class HostileCases
{
    /// <summary>The disk whose back end is honest.</summary>
    private const string HonestDisk = "xvda";

    /// <summary>The interface whose back end is honest.</summary>
    private const string HonestInterface = "vif0";

    private const int Workers = 2;
    private const int Sectors = 8;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PauseOfNeighbour = TimeSpan.FromMilliseconds(100);

    private static long s_operations;
    private static long s_otherOperations;
    private static long s_otherFailures;
    private static string s_problem = "none";

    public static IEnumerable<Case> All =>
    [
        new("hostile", args =>
        {
            RunAsync(usesConsole: args is ["console"]).GetAwaiter().GetResult();
            return 0;
        }),
    ];

    private static async Task RunAsync(bool usesConsole)
    {
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            asked.TrySetResult();
        });
        GuestStatistics before = Guest.ReadStatistics();
        DomainServicesOptions options = new()
        {
            BeforeStart = starting => _ = ShowAsync(starting.FrontBus.Subscribe()),
            Control = new() { ShutdownTimeLimit = TimeSpan.FromMinutes(10) },
        };
        await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, options))
        {
            using CancellationTokenSource ending = new();
            Heartbeat heartbeat = new(ending.Token);
            if (usesConsole)
            {
                UseConsole(ending.Token);
            }

            BlockDevice disk = await services.Disks.WaitForAsync(HonestDisk);
            Task[] work = [.. Enumerable.Range(0, Workers).Select(worker => DoAsync(() => WorkAsync(disk, worker, ending.Token)))];
            NeighbourWork neighbour = new(await services.Interfaces.WaitForAsync(HonestInterface));
            await neighbour.UseAllPagesAsync();
            Task asks = DoAsync(() => neighbour.AskAsync(PauseOfNeighbour, ending.Token));
            Task listens = DoAsync(() => neighbour.ListenAsync(ending.Token));
            Task others = UseOthersAsync(services, ending.Token);
            Task reports = ReportAsync(services.Store, heartbeat, neighbour, ending.Token);
            await asked.Task;
            await ending.CancelAsync();
            await Task.WhenAll([.. work, asks, listens, others, reports]);
        }

        Console.WriteLine($"problem: {s_problem}");
        Leftovers.Report(before);
    }

    /// <summary>Reads lines, and writes some. Either may wait for a console that does nothing.</summary>
    private static void UseConsole(CancellationToken ending)
    {
        new Thread(() =>
        {
            while (Console.In.ReadLine() is not null)
            {
            }
        })
        { IsBackground = true, Name = "console reader" }.Start();
        new Thread(() =>
        {
            while (!ending.IsCancellationRequested)
            {
                Console.WriteLine("a line of output, which is no news");
                Thread.Sleep(Pause);
            }
        })
        { IsBackground = true, Name = "console writer" }.Start();
    }

    private static async Task ShowAsync(XenBusEvents events)
    {
        await foreach (XenBusEvent happened in events)
        {
            Console.WriteLine(happened);
        }
    }

    /// <summary>Writes to a part of the disk and reads it again, at a pace with which the disk can easily keep up.</summary>
    private static async Task WorkAsync(BlockDevice disk, int worker, CancellationToken ending)
    {
        byte[] data = new byte[Sectors * BlockPattern.SectorSize];
        for (int seed = 1; !ending.IsCancellationRequested; seed++)
        {
            await disk.WriteAsync(worker * data.Length, Filled(data, worker, seed), CancellationToken.None);
            await disk.ReadAsync(worker * data.Length, data, CancellationToken.None);
            if (BlockPattern.FindDifference(data, worker * Sectors, seed) >= 0)
            {
                s_problem = "the honest disk does not hold what was written";
            }

            Interlocked.Add(ref s_operations, 2);
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    /// <summary>Does work of the honest devices, which has no reason to fail.</summary>
    private static async Task DoAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception failure)
        {
            s_problem = $"{failure.GetType().Name}: {failure.Message}";
        }
    }

    private static byte[] Filled(byte[] data, int worker, int seed)
    {
        BlockPattern.Fill(data, worker * Sectors, seed);
        return data;
    }

    /// <summary>Uses each other disk and each interface as long as it is there.</summary>
    private static async Task UseOthersAsync(DomainServices services, CancellationToken ending)
    {
        HashSet<object> used = [];
        while (!ending.IsCancellationRequested)
        {
            foreach (BlockDevice disk in services.Disks.Devices.Where(disk => disk.Name != HonestDisk && used.Add(disk)))
            {
                _ = UseAsync(disk, ending);
            }

            foreach (NetworkInterface network in services.Interfaces.Interfaces
                .Where(network => network.Name != HonestInterface && used.Add(network)))
            {
                FillPool(network);
                _ = SendAsync(network, ending);
                _ = ReceiveAsync(network, ending);
            }

            used.IntersectWith([.. services.Disks.Devices, .. services.Interfaces.Interfaces]);
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    private static async Task UseAsync(BlockDevice disk, CancellationToken ending)
    {
        byte[] data = new byte[16 << 10];
        for (int i = 0; !ending.IsCancellationRequested; i++)
        {
            try
            {
                await (i % 2 == 0 ? disk.WriteAsync(0, data, ending) : disk.ReadAsync(0, data, ending));
                Interlocked.Increment(ref s_otherOperations);
            }
            catch (BlockIOException)
            {
                Interlocked.Increment(ref s_otherFailures);
            }
            catch (Exception gone) when (gone is BlockDeviceGoneException or OperationCanceledException)
            {
                return;
            }

            await Task.Delay(1, CancellationToken.None);
        }
    }

    /// <summary>
    /// Makes the driver allocate all frames that it ever keeps, so that they do not count as memory lost to a back end.
    /// </summary>
    private static void FillPool(NetworkInterface network)
    {
        foreach ((int capacity, int count) in (ReadOnlySpan<(int, int)>)[(2048, 1024), (16 << 10, 64), (ushort.MaxValue, 16)])
        {
            FrameBuffer[] frames = [.. Enumerable.Range(0, count).Select(_ => network.RentFrame(capacity))];
            Array.ForEach(frames, frame => frame.Dispose());
        }
    }

    private static async Task SendAsync(NetworkInterface network, CancellationToken ending)
    {
        try
        {
            while (true)
            {
                FrameBuffer frame = network.RentFrame();
                frame.Length = 60;
                frame.Data.Clear();
                await network.SendAsync(frame, ending);
                await Task.Delay(5, ending);
            }
        }
        catch (Exception gone) when (gone is NetworkInterfaceGoneException or OperationCanceledException)
        {
        }
    }

    private static async Task ReceiveAsync(NetworkInterface network, CancellationToken ending)
    {
        try
        {
            while (true)
            {
                using FrameBuffer frame = await network.ReceiveAsync(ending);
                Interlocked.Increment(ref s_otherOperations);
            }
        }
        catch (Exception gone) when (gone is NetworkInterfaceGoneException or OperationCanceledException)
        {
        }
    }

    private static async Task ReportAsync(XenStoreClient store, Heartbeat heartbeat, NeighbourWork neighbour, CancellationToken ending)
    {
        try
        {
            await using XenStoreWatch watch = await store.WatchAsync("data/mark", ending);
            Stopwatch time = Stopwatch.StartNew();
            await store.WriteAsync("data/report", "ready", ending);
            await foreach (XenStoreWatchEvent changed in watch.WithCancellation(ending))
            {
                if (await store.TryReadAsync(changed.Path, ending) is { Length: > 0 } mark)
                {
                    string fared = Fared(heartbeat, neighbour, time.Elapsed);
                    await store.WriteAsync("data/report", $"mark={mark} {fared} {Resources()} problem={s_problem}", ending);

                    // The report's own memory does not count.
                    Fared(heartbeat, neighbour, time.Elapsed);
                    time.Restart();
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>What has happened since the last call.</summary>
    private static string Fared(Heartbeat heartbeat, NeighbourWork neighbour, TimeSpan time)
    {
        (long gap, long poolGap) = heartbeat.TakeGaps();
        double rate = Interlocked.Exchange(ref s_operations, 0) / time.TotalSeconds;
        long others = Interlocked.Exchange(ref s_otherOperations, 0);
        long failures = Interlocked.Exchange(ref s_otherFailures, 0);
        return string.Create(
            CultureInfo.InvariantCulture, $"gap={gap} pool={poolGap} rate={rate:0.0} answers={neighbour.TakeAnswers()} others={others} "
                + $"failures={failures}");
    }

    private static string Resources()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);

        // First, since this call makes the kernel try again to end grants that back ends have unmapped.
        int held = Guest.Pages.HeldPages;
        GuestStatistics now = Guest.ReadStatistics();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"held={held} grants={now.Grants} shared={now.SharedPages} free={now.AvailablePages} threads={now.Threads}");
    }

    /// <summary>The longest times between two beats: of a thread of its own, and of .NET's thread pool.</summary>
    private sealed class Heartbeat
    {
        private const int Interval = 50;
        private long _gap;
        private long _poolGap;

        public Heartbeat(CancellationToken ending)
        {
            new Thread(() =>
            {
                for (long last = Stopwatch.GetTimestamp(); !ending.IsCancellationRequested;)
                {
                    Thread.Sleep(Interval);
                    last = Beat(ref _gap, last);
                }
            })
            { IsBackground = true, Name = "heartbeat" }.Start();
            _ = BeatInPoolAsync(ending);
        }

        /// <summary>Milliseconds.</summary>
        public (long Thread, long Pool) TakeGaps() => (Interlocked.Exchange(ref _gap, 0), Interlocked.Exchange(ref _poolGap, 0));

        private async Task BeatInPoolAsync(CancellationToken ending)
        {
            for (long last = Stopwatch.GetTimestamp(); !ending.IsCancellationRequested;)
            {
                await Task.Delay(Interval, CancellationToken.None);
                last = Beat(ref _poolGap, last);
            }
        }

        private static long Beat(ref long longest, long last)
        {
            long now = Stopwatch.GetTimestamp();
            long gap = (long)Stopwatch.GetElapsedTime(last, now).TotalMilliseconds;
            if (gap > Interlocked.Read(ref longest))
            {
                Interlocked.Exchange(ref longest, gap);
            }

            return now;
        }
    }
}
