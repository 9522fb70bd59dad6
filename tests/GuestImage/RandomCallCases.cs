using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// A program that makes any system calls with any arguments, except those that end it, wait for ever, or would damage the program itself.
/// The nucleus continues, touches only what the calls name, and has all memory back at the end.
/// </summary>
internal static class RandomCallCases
{
    /// <summary>Of the case that runs beside others: less than a second in an emulator.</summary>
    private const int Calls = 5_000;

    public static IEnumerable<Case> All =>
    [
        new("random-system-calls", () => Run(seed: 1, Calls)),
        new("random-system-calls-with-a-stack", () =>
        {
            // Calls that it answers wait for an address in vain, but not for long.
            using SocketStack stack = new(Guest.Sockets.Open(), new() { AddressLimit = TimeSpan.FromMilliseconds(1) });
            stack.Start();
            Run(seed: 2, Calls);
            Check.Equal(0, stack.Faults);
        }),
        new("random-system-calls-of-seed", arguments =>
        {
            Run(int.Parse(arguments[0]), int.Parse(arguments[1]));
            return 0;
        }),
    ];

    private static void Run(int seed, int calls)
    {
        byte[] own = new byte[1 << 16];
        Array.Fill(own, (byte)0x5a);
        Memory before = Memory.Read();
        using CancellationTokenSource stop = new();
        long beats = 0;
        Thread heart = new(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Interlocked.Increment(ref beats);
                Thread.Sleep(1);
            }
        })
        {
            IsBackground = true,
        };
        heart.Start();
        int successes;
        using (RandomCalls random = new(seed))
        {
            for (int i = 0; i < calls; i++)
            {
                random.Make();
            }

            successes = random.Successes;
        }

        Console.WriteLine($"random calls: seed {seed}, {calls} calls, {successes} of them did something");
        Check.That(successes > calls / 10, $"{successes} of {calls} calls did something");

        long beaten = Interlocked.Read(ref beats);
        Check.Eventually(() => Interlocked.Read(ref beats) > beaten, "another thread runs");
        stop.Cancel();
        Check.Ends(heart);
        Check.Equal(-1, own.AsSpan().IndexOfAnyExcept((byte)0x5a), "memory that no call named");

        // The collector may have taken or given back a region meanwhile, and the runtime have started a thread.
        Memory after = Memory.Read();
        Check.That(Math.Abs(after.Available - before.Available) <= 300, $"{before} before, {after} after");
        Check.That(Math.Abs(after.Nucleus - before.Nucleus) <= 8, $"{before} before, {after} after");
        Check.Equal(before.Shared, after.Shared);
    }

    /// <summary>
    /// Pages that a program can still allocate, those of the nucleus's threads, regions and pipes, and those that can be granted.
    /// </summary>
    private sealed record Memory(long Available, long Nucleus, long Shared)
    {
        public static Memory Read()
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            return new((long)Guest.ReadStatistics().AvailablePages, Owned("nucleus"), Owned("shared with other domains"));
        }

        private static long Owned(string name) => (long)Guest.Diagnostics.ReadMemory().Owners.Single(owner => owner.Name == name).Pages;
    }
}
