using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>Calls between managed and native code: thunks made at run time (write, then execute), callbacks, native memory.</summary>
internal static unsafe class NativeCases
{
    private static int s_sum;

    private delegate int Binary(int left, int right);

    public static IEnumerable<Case> All =>
    [
        new("delegate-to-native-pointer", DelegateToNativePointer),
        new("many-delegates-to-native", ManyDelegates),
        new("unmanaged-callers-only", UnmanagedCallers),
        new("exception-in-native-callback", ExceptionInCallback),
        new("fault-in-native-callback", FaultInCallback),
        new("native-memory", NativeMemoryWorks),
        new("native-memory-of-threads", NativeMemoryOfThreads),
    ];

    private static void DelegateToNativePointer()
    {
        int offset = 100;
        Binary add = (left, right) => left + right + offset;
        delegate* unmanaged<int, int, int> native = (delegate* unmanaged<int, int, int>)Marshal.GetFunctionPointerForDelegate(add);
        Check.Equal(142, native(20, 22));
        offset = 200;
        Check.Equal(242, native(20, 22));
        GC.Collect();
        Check.Equal(242, native(20, 22));
        Check.Equal(249, Marshal.GetDelegateForFunctionPointer<Binary>((nint)native)(24, 25));
        GC.KeepAlive(add);
    }

    private static void ManyDelegates()
    {
        // More thunks than fit into one page: created, called, dropped and created again.
        for (int round = 0; round < 3; round++)
        {
            Binary[] kept = new Binary[600];
            for (int i = 0; i < kept.Length; i++)
            {
                int own = i;
                kept[i] = (left, right) => (left * right) + own;
                delegate* unmanaged<int, int, int> native = (delegate* unmanaged<int, int, int>)Marshal.GetFunctionPointerForDelegate(
                    kept[i]);
                Check.Equal(6 + i, native(2, 3));
            }

            GC.KeepAlive(kept);
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static void UnmanagedCallers()
    {
        delegate* unmanaged<int, double, long, int> native = &AddAll;
        Check.Equal(60, native(10, 20.0, 30));

        // The C library calls back: qsort of glibc with a comparison of ours.
        int[] values = [5, 3, 9, 1, 7, 2, 8];
        fixed (int* first = values)
        {
            QuickSort(first, (nuint)values.Length, sizeof(int), &Compare);
        }

        Check.Equal("1,2,3,5,7,8,9", string.Join(",", values));
    }

    private static void ExceptionInCallback()
    {
        s_sum = 0;
        delegate* unmanaged<int, int> native = &CatchesInside;
        for (int i = 0; i < 100; i++)
        {
            s_sum += native(i);
        }

        Check.Equal(100, s_sum);
    }

    private static void FaultInCallback()
    {
        int[] values = [4, 3, 2, 1];
        s_sum = 0;
        fixed (int* first = values)
        {
            QuickSort(first, (nuint)values.Length, sizeof(int), &FaultsAndCompares);
        }

        Check.Equal("1,2,3,4", string.Join(",", values));
        Check.That(s_sum > 0);
    }

    /// <summary>
    /// One heap for all threads: its blocks are near each other, where those of glibc's other arenas would each lie at a multiple of 64
    /// MiB.
    /// </summary>
    private static void NativeMemoryOfThreads()
    {
        const int Threads = 10;
        const long Near = 16 << 20;
        nint[] blocks = new nint[Threads];
        using Barrier together = new(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(i => new Thread(() =>
        {
            together.SignalAndWait();
            blocks[i] = (nint)NativeMemory.Alloc(1000);
            together.SignalAndWait();
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        string addresses = string.Join(' ', blocks.Select(each => $"{each:x}"));
        Check.That(blocks.Max() - blocks.Min() < Near, $"blocks of {Threads} threads: {addresses}");
        Array.ForEach(blocks, block => NativeMemory.Free((void*)block));
    }

    private static void NativeMemoryWorks()
    {
        byte*[] blocks = new byte*[64];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = (byte*)NativeMemory.Alloc((nuint)(1 << (i % 16)) + 1);
            NativeMemory.Fill(blocks[i], (nuint)(1 << (i % 16)) + 1, (byte)i);
        }

        for (int i = 0; i < blocks.Length; i++)
        {
            Check.Equal((byte)i, blocks[i][1 << (i % 16)]);
            NativeMemory.Free(blocks[i]);
        }

        byte* zeroed = (byte*)NativeMemory.AllocZeroed(300_000);
        Check.That(new ReadOnlySpan<byte>(zeroed, 300_000).IndexOfAnyExcept((byte)0) < 0);
        zeroed[299_999] = 7;
        zeroed = (byte*)NativeMemory.Realloc(zeroed, 900_000);
        Check.Equal((byte)7, zeroed[299_999]);
        NativeMemory.Free(zeroed);
        void* aligned = NativeMemory.AlignedAlloc(100, 4096);
        Check.Equal((nuint)0, (nuint)aligned % 4096);
        NativeMemory.AlignedFree(aligned);
    }

    [DllImport("libc", EntryPoint = "qsort")]
    private static extern void QuickSort(void* first, nuint count, nuint size, delegate* unmanaged<int*, int*, int> compare);

    [UnmanagedCallersOnly]
    private static int AddAll(int a, double b, long c) => a + (int)b + (int)c;

    [UnmanagedCallersOnly]
    private static int Compare(int* left, int* right)
    {
        if (*left == 7)
        {
            GC.Collect();
        }

        return left->CompareTo(*right);
    }

    [UnmanagedCallersOnly]
    private static int FaultsAndCompares(int* left, int* right)
    {
        try
        {
            return Hidden.Nothing<int[]>()[*left];
        }
        catch (NullReferenceException)
        {
            s_sum++;
            return left->CompareTo(*right);
        }
    }

    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CatchesInside(int value)
    {
        try
        {
            throw new InvalidOperationException(value.ToString());
        }
        catch (InvalidOperationException)
        {
            return 1;
        }
    }
}
