using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>Ways for a process to end. Each prints what it is about to do; a line "survived" is always a failure.</summary>
internal static class EndingCases
{
    private static readonly byte[] StaticCode = [0xb8, 42, 0, 0, 0, 0xc3];
    private static long s_depth;

    public static IEnumerable<Case> All =>
    [
        new("exit-return", args => args.Length > 0 ? int.Parse(args[0]) : 7),
        new("exit-call", args => Survived(() => Environment.Exit(args.Length > 0 ? int.Parse(args[0]) : 8))),
        new("exit-from-thread", _ => Survived(ExitFromThread)),
        new("exit-event", _ => ExitEvent()),
        new("exit-with-threads", _ => ExitWithThreads()),
        new("exit-negative", _ => -1),
        new("unhandled-main", _ => Survived(ThrowsUnhandled)),
        new("unhandled-thread", _ => Survived(() => OnThread(ThrowsUnhandled))),
        new("unhandled-async", _ => Survived(() => ThrowsLater().GetAwaiter().GetResult())),
        new("fail-fast", _ => Survived(() => Environment.FailFast("failed fast on purpose", new InvalidOperationException("its cause")))),
        new("stack-overflow-main", _ => Survived(() => OverflowsTheStack(1))),
        new("stack-overflow-thread", _ => Survived(() => OnThread(() => OverflowsTheStack(1)))),
        new("exhaust-managed-memory", _ => Survived(ExhaustManagedMemory)),
        new("exhaust-all-memory", _ => Survived(ExhaustAllMemory)),
        new("wait-for-ever", _ => WaitForEver()),
        new("native-null-call", _ => Survived(NativeNullCall)),
        new("write-constant", _ => Survived(() => Write("a constant of the image"u8))),
        new("write-code", _ => Survived(WriteCode)),
        new("write-descriptor-table", _ => Survived(WallCases.WriteDescriptorTable)),
        new("write-alias-of-code", _ => Survived(WallCases.WriteAliasOfCode)),
        new("execute-heap", _ => Survived(ExecuteHeap)),
        new("execute-static", _ => Survived(ExecuteStatic)),
    ];

    private static int Survived(Action action)
    {
        Console.WriteLine("about to end");
        action();
        Console.WriteLine("survived");
        return 99;
    }

    private static void OnThread(ThreadStart body)
    {
        Thread thread = new(body) { Name = "doomed" };
        thread.Start();
        thread.Join();
    }

    private static void ExitFromThread()
    {
        OnThread(() => Environment.Exit(9));
        Thread.Sleep(Timeout.Infinite);
    }

    private static int ExitEvent()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine("process exit event");
        return 11;
    }

    private static int ExitWithThreads()
    {
        // Background threads in any state do not keep the process alive.
        new Thread(() => Thread.Sleep(Timeout.Infinite)) { IsBackground = true }.Start();
        new Thread(() =>
        {
            while (true)
            {
            }
        })
        { IsBackground = true }.Start();
        _ = Task.Run(() => Thread.Sleep(Timeout.Infinite));
        Thread.Sleep(20);
        return 12;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ThrowsUnhandled() => ThrowsDeeper(Hidden.Zero);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ThrowsDeeper(int what) => throw new InvalidOperationException($"nobody catches this {what}");

    private static async Task ThrowsLater()
    {
        await Task.Delay(5);
        ThrowsUnhandled();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long OverflowsTheStack(long depth)
    {
        s_depth = depth;
        return OverflowsTheStack(depth + 1) + s_depth;
    }

    private static void ExhaustManagedMemory()
    {
        List<byte[]> kept = [];
        while (true)
        {
            byte[] block = new byte[64 << 10];
            block.AsSpan().Fill(1);
            kept.Add(block);
        }
    }

    /// <summary>Takes every page, then needs one more for a stack that was promised but never touched.</summary>
    private static unsafe void ExhaustAllMemory()
    {
        using ManualResetEventSlim allTaken = new();
        Thread needy = new(() =>
        {
            allTaken.Wait();
            TouchStack(3 << 20);
        }, maxStackSize: 4 << 20)
        { Name = "needy" };
        needy.Start();
        for (nuint size = 1 << 20; size >= 4096; size /= 2)
        {
            while (true)
            {
                void* block;
                try
                {
                    block = NativeMemory.Alloc(size);
                }
                catch (OutOfMemoryException)
                {
                    break;
                }

                NativeMemory.Fill(block, size, 1);
            }
        }

        allTaken.Set();
        needy.Join();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long TouchStack(int bytes)
    {
        Span<byte> frame = stackalloc byte[4096];
        frame.Fill((byte)bytes);
        return bytes <= 0 ? frame[7] : TouchStack(bytes - frame.Length) + frame[9];
    }

    private static int WaitForEver()
    {
        Console.WriteLine("waiting for ever");
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }

    private static unsafe void NativeNullCall() => Check.Equal(0, ((delegate* unmanaged<int>)(nint)Hidden.Zero)());

    private static unsafe void WriteCode() => *(byte*)(delegate*<int>)&ReturnsOne = 0xc3;

    private static unsafe void Write(ReadOnlySpan<byte> constant)
    {
        fixed (byte* first = constant)
        {
            *first = (byte)'A';
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReturnsOne() => 1;

    private static unsafe void ExecuteHeap()
    {
        byte[] code = GC.AllocateArray<byte>(64, pinned: true);
        StaticCode.CopyTo(code, 0);
        Check.Equal(42, ((delegate* unmanaged<int>)Unsafe.AsPointer(ref code[0]))());
    }

    private static unsafe void ExecuteStatic()
    {
        // Constants of the image are data too: mov eax, 42; ret.
        ReadOnlySpan<byte> code = [0xb8, 42, 0, 0, 0, 0xc3];
        fixed (byte* first = code)
        {
            Check.Equal(42, ((delegate* unmanaged<int>)first)());
        }
    }
}
