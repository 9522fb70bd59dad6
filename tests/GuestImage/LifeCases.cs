using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;

namespace Xenlet.GuestImage;

/// <summary>Requests to the guest to end, and to report.</summary>
internal static class LifeCases
{
    private const int Depth = 500;

    public static IEnumerable<Case> All =>
    [
        new("diagnostics-threads", DiagnosticsThreads),
        new("diagnostics-memory", DiagnosticsMemory),
        new("terminate-main-in-readline", TerminateInReadLine),
        new("terminate-handlers", TerminateHandlers),
        new("terminate-cancelled", TerminateCancelled),
        new("terminate-hung", TerminateHung),
        new("control", Control),
    ];

    /// <summary>A thread that waits at the end of many calls: the report has its state, its first calls and its last ones.</summary>
    private static void DiagnosticsThreads()
    {
        using ManualResetEvent release = new(false);
        Thread deep = new(() => Descend(Depth, release)) { Name = "deep" };
        Thread flat = new(() => Descend(1, release)) { Name = "flat" };
        deep.Start();
        flat.Start();
        try
        {
            ThreadReport? seen = null, seenFlat = null;
            IReadOnlyList<ThreadReport> all = [];
            Check.Eventually(() =>
            {
                all = Guest.Diagnostics.ReadThreads();
                seen = all.SingleOrDefault(thread => thread.Name == "deep");
                seenFlat = all.SingleOrDefault(thread => thread.Name == "flat");
                return seen?.State == "waiting: futex" && seenFlat?.State == "waiting: futex";
            });
            Check.Equal("running", all[0].State);
            Check.Equal(1, all.Count(thread => thread.State == "running"));
            Check.Equal(all.Count, all.Select(thread => thread.Id).Distinct().Count());
            Check.Equal(Guest.ReadStatistics().Threads, all.Count);
            Check.That(all.All(thread => thread.Stack.Count > 2 && thread.ProcessorTime > TimeSpan.Zero));
            Check.That(all.Skip(2).Zip(all.Skip(1)).All(pair => pair.First.Id > pair.Second.Id));

            // The recursion is one address many times over, its end the same in both: the waits, and where threads begin.
            Check.Equal(32, seen!.Stack.Count);
            Check.That(seenFlat!.Stack.Count < 32, $"{seenFlat.Stack.Count} calls of the flat thread");
            Check.That(seen.Stack.GroupBy(address => address).Max(group => group.Count()) > 10);
            Check.Equal(seenFlat.Stack[0], seen.Stack[0]);
            Check.Equal(seenFlat.Stack[^1], seen.Stack[^1]);
        }
        finally
        {
            release.Set();
            deep.Join();
            flat.Join();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Descend(int depth, ManualResetEvent release)
    {
        if (depth == 0)
        {
            release.WaitOne();
            return 0;
        }

        return Descend(depth - 1, release) + 1;
    }

    /// <summary>Every page has an owner or is free, and an allocated page has the right owner.</summary>
    private static unsafe void DiagnosticsMemory()
    {
        const int pages = 2048;
        MemoryReport before = Guest.Diagnostics.ReadMemory();
        AssertWhole(before);
        void* block = NativeMemory.Alloc(pages * 4096);
        new Span<byte>(block, pages * 4096).Fill(1);
        MemoryReport taken = Guest.Diagnostics.ReadMemory();
        AssertWhole(taken);
        Check.That(Of(taken, "heaps and mappings") >= Of(before, "heaps and mappings") + pages);
        NativeMemory.Free(block);
        if (Guest.Hypervisor.IsPresent)
        {
            using ISharedPage page = Guest.Pages.Allocate();
            MemoryReport shared = Guest.Diagnostics.ReadMemory();
            AssertWhole(shared);
            Check.Equal(Of(taken, "shared with other domains") + 1, Of(shared, "shared with other domains"));
            Check.Equal(Of(shared, "shared with other domains"), Guest.Diagnostics.ReadConnections().SharedPages);
        }

        Check.That(
            before.Owners.All(owner => owner.Pages > 0 || owner.Name is "shared with other domains" or "files"),
            string.Join(", ", before.Owners));
    }

    private static void AssertWhole(MemoryReport memory)
    {
        ulong owned = memory.Owners.Aggregate(0UL, (sum, owner) => sum + owner.Pages);
        Check.Equal(Guest.ReadStatistics().TotalPages, owned - Of(memory, "image") + memory.FreePages);
        Check.That(memory.PromisedPages <= memory.FreePages);
    }

    private static ulong Of(MemoryReport memory, string name) => memory.Owners.Single(owner => owner.Name == name).Pages;

    /// <summary>Main waits for a line that never comes, and nobody handles the signal: exit handlers run.</summary>
    private static int TerminateInReadLine(string[] args)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine("process exit event");
        TerminateWhenMainReads(thenReboot: args is ["reboot"]);
        Console.WriteLine($"survived {Console.ReadLine()}");
        return 0;
    }

    /// <summary>Several handlers do not cancel the signal.</summary>
    private static int TerminateHandlers(string[] _)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine("process exit event");
        using PosixSignalRegistration first = PosixSignalRegistration.Create(
            PosixSignal.SIGTERM, signal => Console.WriteLine($"first handler of {signal.Signal}"));
        using PosixSignalRegistration second = PosixSignalRegistration.Create(
            PosixSignal.SIGTERM, signal => Console.WriteLine($"second handler of {signal.Signal}"));
        TerminateWhenMainReads(thenReboot: false);
        Console.WriteLine($"survived {Console.ReadLine()}");
        return 0;
    }

    /// <summary>A handler cancels the signal, and the program ends in its own way.</summary>
    private static int TerminateCancelled(string[] args)
    {
        using ManualResetEventSlim asked = new();
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            asked.Set();
        });
        Guest.Power.Terminate(thenReboot: args is ["reboot"]);
        asked.Wait();
        Console.WriteLine("went on");
        return 7;
    }

    /// <summary>An exit handler hangs and the signal comes again: the first one stands.</summary>
    private static int TerminateHung(string[] _)
    {
        using ManualResetEventSlim again = new();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            Guest.Power.Terminate(thenReboot: false);
            Console.WriteLine("asked again");
        };
        Guest.Power.Terminate(thenReboot: false);
        again.Wait();
        return 0;
    }

    private static void TerminateWhenMainReads(bool thenReboot) => new Thread(() =>
    {
        Check.Eventually(
            () => Guest.Diagnostics.ReadThreads().Single(thread => thread.Id == 1).State is "waiting: read" or "waiting: poll");
        Guest.Power.Terminate(thenReboot);
    })
    { IsBackground = true }.Start();

    /// <summary>
    /// A program with services. <c>read</c>: Main waits in ReadLine; <c>handle</c>: ends by itself, in order; <c>ignore SECONDS</c>:
    /// never ends by itself, with a time limit; <c>blocked</c>: no thread of the pool comes back.
    /// </summary>
    private static int Control(string[] args) => args is ["blocked"] ? BlockedPool.Run() : ControlAsync(args).GetAwaiter().GetResult();

    private static async Task<int> ControlAsync(string[] args)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine("process exit event");
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration? handler = args[0] == "read" ? null : PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            Console.WriteLine("SIGTERM is handled");
            asked.SetResult();
        });
        GuestStatistics before = Guest.ReadStatistics();
        await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, new()
        {
            Control = new()
            {
                ReportTimeLimit = TimeSpan.FromMinutes(2),
                ShutdownTimeLimit = args is [_, var limit]
                    ? TimeSpan.FromSeconds(double.Parse(limit, CultureInfo.InvariantCulture))
                    : TimeSpan.FromMinutes(10),
            },
        }))
        {
            using IDisposable report = services.Control.AddReport(new Facts());
            await services.FrontBus.WaitForBootAsync();
            using ManualResetEvent never = new(false);
            new Thread(() => Descend(3, never)) { Name = "parked", IsBackground = true }.Start();
            Check.Eventually(() => Guest.Diagnostics.ReadThreads().Any(thread => thread is { Name: "parked", State: "waiting: futex" }));
            Console.WriteLine("following");
            switch (args[0])
            {
                case "read":
                    Console.WriteLine($"line [{Console.ReadLine()}]");
                    break;
                case "ignore":
                    await Task.Delay(Timeout.InfiniteTimeSpan);
                    break;
                default:
                    await asked.Task;
                    break;
            }
        }

        GuestStatistics after = Guest.ReadStatistics();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"left: {(long)(after.Grants - before.Grants)} grants, "
                + $"{(long)(after.SharedPages - before.SharedPages)} shared pages"));
        return 5;
    }

    private sealed class Facts : IReportSource
    {
        public string ReportName => "facts of the case";

        public void WriteReport(TextWriter writer) => writer.WriteLine("a fact");
    }
}
