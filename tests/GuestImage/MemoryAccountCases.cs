using System.Runtime.InteropServices;
using Xenlet.Kernel;

namespace Xenlet.GuestImage;

/// <summary>
/// Memory that runs out where a call needs more than the requested pages: the call fails, and the program continues.
/// </summary>
internal static unsafe class MemoryAccountCases
{
    private const int ReadWrite = 3;
    private const int Enomem = 12;

    /// <summary>MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE.</summary>
    private const int Flags = 0x100022;

    private const nuint PageSize = 4096;

    /// <summary>Where these cases map: far above the heaps, far below the stack of Main.</summary>
    private static nuint First => (nuint)0x4000_0000 << 16;

    /// <summary>NucleusCall.FailNth.</summary>
    private const long FailNthNumber = 0x1_1000;

    private static int s_stackSize = 512 << 10;

    public static IEnumerable<Case> All =>
    [
        new("memory-accounts", _ => MemoryAccounts()),
        new("thread-pool-limit", _ => PoolLimit()),
    ];

    private static int MemoryAccounts()
    {
        PagesFarApart();
        Regions();
        Threads();
        EveryRequestFails();
        StartAndJoin();
        Check.Equal(42, Task.Run(() => 42).Result);
        Console.WriteLine("went on after all");
        return 0;
    }

    /// <summary>Each page needs a page table of its own.</summary>
    private static void PagesFarApart()
    {
        const nuint stride = 2 << 20;
        long before = Available();
        nuint count = 0;
        while (TryMap(First + (count * stride), PageSize, ReadWrite))
        {
            *(nuint*)(First + (count * stride)) = count;
            count++;
        }

        int error = Marshal.GetLastSystemError();
        nuint wrong = 0;
        for (nuint i = 0; i < count; i++)
        {
            wrong += *(nuint*)(First + (i * stride)) == i ? 0u : 1u;
        }

        Check.Equal(0, Unmap(First, count * stride));
        Check.Equal(Enomem, error);
        Check.Equal((nuint)0, wrong);
        Check.That((long)count * 2 <= before, $"{count} pages and as many tables of {before} pages");
        AssertBack(before);
        Console.WriteLine($"pages: {count}, then ENOMEM");
    }

    /// <summary>From high addresses to low ones, since the list of regions is searched from its low end.</summary>
    private static void Regions()
    {
        const nuint most = 100_000;
        const nuint stride = 2 * PageSize;
        long before = Available();
        nuint count = 0;
        while (count < most && TryMap(First + ((most - count) * stride), PageSize, protection: 0))
        {
            count++;
        }

        int error = Marshal.GetLastSystemError();
        Check.Equal(0, Unmap(First, (most + 1) * stride));
        Check.Equal(Enomem, error);
        AssertBack(before);
        Console.WriteLine($"regions: {count}, then ENOMEM");
    }

    /// <summary>
    /// All memory but 3 MiB is taken, so that the stacks of 200 threads do not fit; what the collector needs meanwhile it has. A thread is
    /// charged for the top of its stack when it starts, for most of which it touches later or never.
    /// </summary>
    private static void Threads()
    {
        const int most = 200;
        const long left = (3 << 20) / (long)PageSize;

        // Stacks.ChargedSize of the nucleus.
        const long chargedPages = (16 << 10) / (long)PageSize;

        // glibc makes a heap for each of the first threads, by far dearer than a stack.
        const int first = 20;
        using ManualResetEvent release = new(false);
        List<Thread> threads = new(most);
        Check.That(GC.TryStartNoGCRegion(4 << 20));
        long before = Available();
        nuint taken = (nuint)(before - left) * PageSize;
        Check.That(TryMap(First, taken, ReadWrite), "the memory is taken");
        bool caught = false;
        long availableAfterFirst = 0;
        long availableAfterLast = 0;
        try
        {
            while (threads.Count < most)
            {
                Thread thread = new(() => release.WaitOne());
                thread.Start();
                threads.Add(thread);
                availableAfterLast = Available();
                if (threads.Count == first)
                {
                    availableAfterFirst = availableAfterLast;
                }
            }
        }
        catch (OutOfMemoryException)
        {
            caught = true;
        }

        // A claim that did not hold is reported when there is memory to do so.
        release.Set();
        threads.ForEach(Check.Ends);
        Check.Equal(0, Unmap(First, taken));
        GC.EndNoGCRegion();
        Check.That(caught, $"{threads.Count} threads ran");
        long charged = availableAfterFirst - availableAfterLast;
        int later = threads.Count - first;
        Check.That(charged >= later * chargedPages, $"{later} threads were charged for the tops of their stacks: {charged} pages");
        Console.WriteLine($"threads: {threads.Count}, then an exception; {(double)charged / later:F1} pages each");
    }

    /// <summary>One after the other, each request for memory that a few calls make is refused.</summary>
    private static void EveryRequestFails()
    {
        // What the runtime and glibc make at the first time, they keep: glibc's heap has its size after the second.
        for (int i = 0; i < 3; i++)
        {
            Scenario();
        }

        Collect();
        long before = Available();
        int refused = 0;
        int thrown = 0;
        while (true)
        {
            Collect();
            Check.That(FailNth(refused + 1) >= 0, "an image with test calls");
            try
            {
                Scenario();
            }
            catch (OutOfMemoryException)
            {
                thrown++;
            }

            if (FailNth(0) != 0)
            {
                break;
            }

            refused++;
        }

        Collect();
        AssertBack(before);
        Console.WriteLine($"requests: {refused} refused, {thrown} exceptions");
    }

    /// <summary>
    /// What programs do that needs memory. Every failure is an <see cref="OutOfMemoryException"/>, and leaves nothing behind.
    /// </summary>
    private static void Scenario()
    {
        // Addresses first and rights later, in tables that there are not yet.
        const nuint size = 4 << 20;
        Require(TryMap(First, size, protection: 0));
        try
        {
            Require(Protect(First + (1 << 20), 2 << 20, ReadWrite) == 0);
            *(int*)(First + (2 << 20)) = 1;
            Require(Protect(First + (2 << 20), PageSize, protection: 1) == 0);
            Check.Equal(1, *(int*)(First + (2 << 20)));
        }
        finally
        {
            // May split what is left.
            if (Unmap(First + (1 << 20), PageSize) != 0 || Unmap(First, size) != 0)
            {
                Check.Equal(0, Unmap(First, size));
            }
        }

        // So much that malloc maps it.
        void* block = NativeMemory.Alloc(33 << 20);
        NativeMemory.Fill(block, 1 << 20, 1);
        NativeMemory.Free(block);
        StartAndJoin();
        byte[] large = GC.AllocateUninitializedArray<byte>(5 << 20);
        large.AsSpan().Fill(1);
    }

    private static void StartAndJoin()
    {
        // glibc keeps stacks of ended threads; none of them is large enough.
        s_stackSize += 64 << 10;
        int ran = 0;
        Thread thread = new(() => ran = 1, s_stackSize);
        thread.Start();
        Check.Ends(thread);
        Check.Equal(1, ran);
    }

    /// <summary>How far the pool may grow; a program may still say otherwise.</summary>
    private static int PoolLimit()
    {
        ThreadPool.GetMaxThreads(out int workers, out int completions);
        bool changed = ThreadPool.SetMaxThreads(workers + 1, completions);
        ThreadPool.GetMaxThreads(out int after, out _);
        Console.WriteLine($"pool: {workers} threads, {(changed && after == workers + 1 ? "changed" : "fixed")}");
        return 0;
    }

    private static void Require(bool done)
    {
        if (!done)
        {
            throw new InsufficientMemoryException();
        }
    }

    /// <summary>The collector decommits memory that it does not need.</summary>
    private static void Collect() => GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    /// <summary>The collector may have taken or given back a region meanwhile.</summary>
    private static void AssertBack(long before) =>
        Check.That(Math.Abs(Available() - before) <= 300, $"{before} pages were available, now {Available()}");

    private static long Available() => (long)Guest.ReadStatistics().AvailablePages;

    private static bool TryMap(nuint address, nuint length, int protection) => Map(address, length, protection, Flags, -1, 0) == address;

    private static long FailNth(long number) => SystemCall(FailNthNumber, number);

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern nuint Map(nuint address, nuint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "munmap")]
    private static extern int Unmap(nuint address, nuint length);

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int Protect(nuint address, nuint length, int protection);

    [DllImport("libc", EntryPoint = "syscall")]
    private static extern long SystemCall(long number, long argument);
}
