using System.Buffers;
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>The collector: reserving, committing and giving back memory, stopping threads, finalizers.</summary>
internal static class CollectorCases
{
    private static int s_finalized;
    private static int s_suppressed;
    private static Resurrected? s_resurrected;

    public static IEnumerable<Case> All =>
    [
        new("allocate-many-times-memory", AllocateManyTimesMemory),
        new("large-objects", LargeObjects),
        new("large-object-fragmentation", LargeObjectFragmentation),
        new("pinned-objects", PinnedObjects),
        new("threads-allocate-while-one-collects", ThreadsAllocateWhileOneCollects),
        new("weak-references", WeakReferences),
        new("conditional-weak-table", ConditionalWeakTables),
        new("finalizers-run", FinalizersRun),
        new("finalizer-resurrects", FinalizerResurrects),
        new("suppress-finalize", SuppressFinalize),
        new("collect-compacting", CollectCompacting),
        new("total-memory", TotalMemory),
        new("array-pool", ArrayPools),
        new("linked-list-survives", LinkedListSurvives),
        new("dependent-graph", DependentGraph),
        new("gc-handles", GcHandles),
        new("no-gc-region", NoGcRegion),
    ];

    /// <summary>The memory the collector may use, at most 64 MiB: what the cases scale by.</summary>
    private static long Budget => Math.Min(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, 64 << 20);

    private static void AllocateManyTimesMemory()
    {
        long target = Budget * 10;
        long allocated = 0;
        byte[]?[] kept = new byte[64][];
        int collections = GC.CollectionCount(0);
        for (int i = 0; allocated < target; i++)
        {
            byte[] block = new byte[100 + (i * 7919 % 16_000)];
            block[0] = (byte)i;
            block[^1] = (byte)~i;
            Check.Equal(0, (int)block[block.Length / 2]);
            if (kept[i % 64] is { } older)
            {
                Check.Equal((byte)~older[0], older[^1]);
            }

            kept[i % 64] = block;
            allocated += block.Length;
        }

        Check.That(GC.CollectionCount(0) > collections);
    }

    private static void LargeObjects()
    {
        long size = Math.Min(Budget / 8, 4 << 20);
        for (int i = 0; i < 64; i++)
        {
            byte[] block = new byte[size];
            Check.That(block.AsSpan().IndexOfAnyExcept((byte)0) < 0, "a new array is zero");
            block.AsSpan().Fill(0xa5);
        }

        Check.That(GC.CollectionCount(2) > 0);
    }

    private static void LargeObjectFragmentation()
    {
        int size = (int)Math.Max(100_000, Math.Min(Budget / 64, 1 << 20));
        List<byte[]?> blocks = [];
        for (int i = 0; i < 24; i++)
        {
            blocks.Add(new byte[size]);
            blocks[i]!.AsSpan().Fill((byte)i);
        }

        for (int round = 0; round < 8; round++)
        {
            for (int i = round % 2; i < blocks.Count; i += 2)
            {
                blocks[i] = null;
            }

            if (round % 3 == 2)
            {
                GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
                GC.Collect();
            }

            for (int i = round % 2; i < blocks.Count; i += 2)
            {
                blocks[i] = new byte[size + (round * 1000)];
                blocks[i]!.AsSpan().Fill((byte)i);
            }

            for (int i = 0; i < blocks.Count; i++)
            {
                Check.That(blocks[i].AsSpan().IndexOfAnyExcept((byte)i) < 0, "a large object keeps its content");
            }
        }
    }

    private static unsafe void PinnedObjects()
    {
        List<GCHandle> handles = [];
        List<nint> addresses = [];
        for (int i = 0; i < 200; i++)
        {
            byte[] block = new byte[500];
            block[0] = (byte)i;
            if (i % 4 == 0)
            {
                GCHandle handle = GCHandle.Alloc(block, GCHandleType.Pinned);
                handles.Add(handle);
                addresses.Add(handle.AddrOfPinnedObject());
            }
        }

        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        for (int i = 0; i < handles.Count; i++)
        {
            Check.Equal(addresses[i], handles[i].AddrOfPinnedObject());
            Check.Equal((byte)(i * 4), *(byte*)addresses[i]);
            handles[i].Free();
        }

        int[] onPinnedHeap = GC.AllocateArray<int>(1000, pinned: true);
        nint before = (nint)Unsafe.AsPointer(ref onPinnedHeap[0]);
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        Check.Equal(before, (nint)Unsafe.AsPointer(ref onPinnedHeap[0]));
    }

    private static void ThreadsAllocateWhileOneCollects()
    {
        bool stop = false;
        long[] made = new long[8];
        string? wrong = null;
        Thread[] threads = [.. Enumerable.Range(0, made.Length).Select(i => new Thread(() =>
        {
            Queue<object> recent = [];
            while (!Volatile.Read(ref stop))
            {
                int[] item = new int[1 + (made[i] % 50)];
                item[0] = i;
                recent.Enqueue(item);
                if (recent.Count > 100 && ((int[])recent.Dequeue())[0] != i)
                {
                    wrong = "an array of another thread";
                }

                made[i]++;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Check.Eventually(() => made.All(count => Volatile.Read(ref count) > 0));
        for (int i = 0; i < 40; i++)
        {
            GC.Collect(i % 3);
            Thread.Yield();
        }

        Volatile.Write(ref stop, true);
        Array.ForEach(threads, Check.Ends);
        Check.Equal(null, wrong);
        Check.Eventually(() => made.All(count => count > 0));
    }

    private static void WeakReferences()
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        static (WeakReference<object> Dead, WeakReference Alive, object Strong) Make()
        {
            object strong = new();
            return (new WeakReference<object>(new object()), new WeakReference(strong), strong);
        }

        (WeakReference<object> dead, WeakReference alive, object strong) = Make();
        Scrub();
        GC.Collect();
        Check.That(!dead.TryGetTarget(out _));
        Check.That(ReferenceEquals(strong, alive.Target));
    }

    private static void ConditionalWeakTables()
    {
        ConditionalWeakTable<object, string> table = [];
        object kept = new();
        table.Add(kept, "kept");
        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Fill(ConditionalWeakTable<object, string> table)
        {
            for (int i = 0; i < 100; i++)
            {
                table.Add(new object(), $"value {i}");
            }
        }

        Fill(table);
        Scrub();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Check.That(table.TryGetValue(kept, out string? value) && value == "kept");
        int left = table.Count();
        Check.That(left < 10, $"only the entry of the living key is left, or few more: {left}");
    }

    private static void FinalizersRun()
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Make()
        {
            for (int i = 0; i < 1000; i++)
            {
                _ = new Finalized();
            }
        }

        s_finalized = 0;
        Make();
        Scrub();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Check.That(Volatile.Read(ref s_finalized) >= 990, $"{s_finalized} of 1000 finalizers ran");
    }

    private static void FinalizerResurrects()
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Make() => _ = new Resurrected { Text = new string('x', 20) };

        s_resurrected = null;
        Make();
        Scrub();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Check.Eventually(() => s_resurrected != null);
        GC.Collect();
        Check.Equal("xxxxxxxxxxxxxxxxxxxx", s_resurrected!.Text);
        s_resurrected = null;
    }

    private static void SuppressFinalize()
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Make()
        {
            for (int i = 0; i < 100; i++)
            {
                Suppressed one = new();
                one.Dispose();
            }
        }

        Make();
        Scrub();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Check.Equal(0, s_suppressed);
    }

    private static void CollectCompacting()
    {
        int before = GC.CollectionCount(2);
        List<string> kept = [];
        for (int i = 0; i < 5000; i++)
        {
            string text = $"text number {i}";
            if (i % 10 == 0)
            {
                kept.Add(text);
            }
        }

        for (int i = 0; i < 10; i++)
        {
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        }

        Check.That(GC.CollectionCount(2) >= before + 10);
        Check.Equal("text number 4990", kept[^1]);
        Check.That(kept.Select((text, i) => text == $"text number {i * 10}").All(same => same));
    }

    private static void TotalMemory()
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        byte[] block = new byte[500_000];
        long with = GC.GetTotalMemory(forceFullCollection: true);
        Check.That(with - before is > 400_000 and < 1_000_000, $"{before} grew to {with}");
        GC.KeepAlive(block);
        Check.That(GC.GetTotalAllocatedBytes(precise: true) > 0);
        Check.That(GC.GetAllocatedBytesForCurrentThread() > 0);
        Check.That(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes > 1 << 20);
    }

    private static void ArrayPools()
    {
        Parallel.For(0, 200, i =>
        {
            byte[] rented = ArrayPool<byte>.Shared.Rent(1000 + (i * 100));
            rented.AsSpan().Fill((byte)i);
            Thread.Yield();
            Check.That(rented.AsSpan().IndexOfAnyExcept((byte)i) < 0, "a rented array has one user");
            ArrayPool<byte>.Shared.Return(rented);
        });
    }

    private static void LinkedListSurvives()
    {
        // Deep object graphs: marking must not recurse on the stack without limit.
        Link? head = null;
        int length = (int)Math.Min(200_000, Budget / 128);
        for (int i = 0; i < length; i++)
        {
            head = new Link(i, head);
        }

        GC.Collect();
        int expected = length;
        for (Link? link = head; link != null; link = link.Next)
        {
            Check.Equal(--expected, link.Number);
        }

        Check.Equal(0, expected);
    }

    private static void DependentGraph()
    {
        Random random = new(42);
        object?[][] graph = [.. Enumerable.Range(0, 2000).Select(i => new object?[8])];
        for (int step = 0; step < 40_000; step++)
        {
            object?[] node = graph[random.Next(graph.Length)];
            node[random.Next(8)] = random.Next(3) == 0 ? new object?[8] : graph[random.Next(graph.Length)];
            if (step % 10_000 == 0)
            {
                GC.Collect(step / 10_000 % 3);
            }
        }

        Check.That(graph.All(node => node.All(item => item is null or object?[] { Length: 8 })));
    }

    private static void GcHandles()
    {
        GCHandle[] handles = [.. Enumerable.Range(0, 5000).Select(i => GCHandle.Alloc($"handle {i}"))];
        GC.Collect();
        for (int i = 0; i < handles.Length; i++)
        {
            Check.Equal($"handle {i}", (string)handles[i].Target!);
            handles[i].Free();
        }
    }

    private static void NoGcRegion()
    {
        Check.That(GC.TryStartNoGCRegion(200_000));
        int before = GC.CollectionCount(0);
        for (int i = 0; i < 100; i++)
        {
            _ = new byte[1000];
        }

        Check.Equal(before, GC.CollectionCount(0));
        GC.EndNoGCRegion();
    }

    /// <summary>Overwrites stack slots that may still have a dead reference.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Scrub()
    {
        Span<long> slots = stackalloc long[256];
        slots.Clear();
        Check.Equal(0L, slots[Environment.CurrentManagedThreadId & 255]);
    }

    private sealed class Finalized
    {
        ~Finalized() => Interlocked.Increment(ref s_finalized);
    }

    private sealed class Suppressed : IDisposable
    {
        public void Dispose() => GC.SuppressFinalize(this);

        ~Suppressed() => Interlocked.Increment(ref s_suppressed);
    }

    private sealed class Resurrected
    {
        public required string Text { get; init; }

        ~Resurrected() => s_resurrected = this;
    }

    private sealed record Link(int Number, Link? Next);
}
