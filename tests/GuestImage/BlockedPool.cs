using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.GuestImage;

/// <summary>
/// A program that blocks every thread that its pool will ever have, for ever. For each line of input, Main, which is no such thread, writes
/// and reads its disk and reports the result. It never ends by itself.
/// </summary>
internal static class BlockedPool
{
    private const int Workers = 2;
    private const int Length = 3 * BlockPattern.SectorSize;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly ManualResetEvent Never = new(false);
    private static int s_running;

    public static int Run()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine("process exit event");
        DomainServicesOptions patient = new()
        {
            Bus = new() { ShutdownTimeLimit = Limit },
            Control = new() { ReportTimeLimit = Limit },
        };
        DomainServices services = DomainServices.StartAsync(Guest.Machine, patient).AsTask().GetAwaiter().GetResult();
        services.Control.OnSuspend(
            _ =>
            {
                Console.WriteLine("suspending");
                return default;
            },
            outcome =>
            {
                Console.WriteLine($"suspended: {outcome}");
                return default;
            });
        BlockDevice disk = services.Disks.WaitForAsync("xvda").AsTask().GetAwaiter().GetResult();

        // Both were added after the services: the program's own handler can still use the disk, and the one added here runs after its end.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine($"at the end: {UseDisk(disk, 99)}");
        XenBusEvents events = services.FrontBus.Subscribe();
        Guest.Power.OnProgramEnd(() =>
        {
            while (events.TryRead(out XenBusEvent? happened))
            {
                Console.WriteLine(happened);
            }
        });
        BlockAll();
        Console.WriteLine("following");
        for (int seed = 1; Console.ReadLine() is { } line; seed++)
        {
            Console.WriteLine($"{line}: {UseDisk(disk, seed)}");
        }

        return 1;
    }

    /// <summary>Blocks every thread that the pool will ever have, for ever.</summary>
    public static void BlockAll()
    {
        Check.That(ThreadPool.SetMinThreads(1, 1) && ThreadPool.SetMaxThreads(Workers, Workers), "the pool has a limit");
        for (int i = 0; i <= Workers; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    Interlocked.Increment(ref s_running);
                    Never.WaitOne();
                },
                null);
        }

        Check.Eventually(() => Volatile.Read(ref s_running) == Workers);
    }

    private static string UseDisk(BlockDevice disk, int seed)
    {
        byte[] written = new byte[Length];
        BlockPattern.Fill(written, 0, seed);
        if (!disk.WriteAsync(0, written).AsTask().Wait(Limit))
        {
            return "a write has not ended";
        }

        byte[] read = new byte[Length];
        if (!disk.ReadAsync(0, read).AsTask().Wait(Limit))
        {
            return "a read has not ended";
        }

        // Neither begins or ends with a sector, so that sectors are read around it.
        using BlockStream stream = new(disk);
        stream.Position = 100;
        stream.Write(written, 100, BlockPattern.SectorSize);
        stream.Position = 1;
        byte[] part = new byte[BlockPattern.SectorSize];
        stream.ReadExactly(part, 0, part.Length);
        if (!read.AsSpan().SequenceEqual(written) || !part.AsSpan().SequenceEqual(written.AsSpan(1, part.Length)))
        {
            return "what was read is not what was written";
        }

        return Volatile.Read(ref s_running) == Workers ? "ok" : "the pool is not blocked";
    }
}
