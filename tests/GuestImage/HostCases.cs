using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>Cases that need the host: it gives the arguments, types at the console, or chooses the memory.</summary>
internal static class HostCases
{
    public static IEnumerable<Case> All =>
    [
        new("arguments", Arguments),
        new("environment", _ => EnvironmentVariables()),
        new("read-lines", _ => ReadLines()),
        new("read-characters", _ => ReadCharacters()),
        new("wait-for-interrupt", WaitForInterrupt),
        new("out-of-memory", OutOfMemory),
        new("native-out-of-memory", NativeOutOfMemory),
        new("touch-memory", TouchMemory),
        new("clock", Clock),
        new("sleep-then-exit", SleepThenExit),
    ];

    private static int Arguments(string[] args)
    {
        Console.WriteLine($"args: {args.Length}");
        foreach (string argument in args)
        {
            Console.WriteLine($"[{argument}]");
        }

        Console.WriteLine($"command line of {Environment.GetCommandLineArgs().Length}");
        return 0;
    }

    private static int EnvironmentVariables()
    {
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().OrderBy(
            entry => (string)entry.Key, StringComparer.Ordinal))
        {
            Console.WriteLine($"env [{variable.Key}={variable.Value}]");
        }

        return 0;
    }

    private static int ReadLines()
    {
        Console.WriteLine("ready for lines");
        int lines = 0;
        while (Console.ReadLine() is { } line)
        {
            Console.WriteLine($"line [{line}]");
            lines++;
        }

        Console.WriteLine($"end of input after {lines} lines");
        return 0;
    }

    private static int ReadCharacters()
    {
        Console.WriteLine("ready for characters");
        while (Console.In.Read() is var character and >= 0)
        {
            Console.WriteLine($"character {character}");
        }

        // At a terminal the end of input is a moment, not a state: the next read waits for the next key.
        Console.WriteLine("end of input");
        Console.WriteLine($"and again {Console.In.Read()}");
        return 0;
    }

    /// <summary>With the argument <c>handle</c> Ctrl-C is a key like others; without, it ends the process.</summary>
    private static int WaitForInterrupt(string[] args)
    {
        using ManualResetEventSlim interrupted = new();
        if (args is ["handle"])
        {
            Console.CancelKeyPress += (_, press) =>
            {
                press.Cancel = true;
                Console.WriteLine($"interrupted by {press.SpecialKey}");
                interrupted.Set();
            };
        }

        Console.WriteLine("ready for an interrupt");
        interrupted.Wait();
        Console.WriteLine("went on");
        return 3;
    }

    private static int OutOfMemory(string[] args)
    {
        // More rounds: memory that was freed after the first failure can be allocated again.
        int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3;
        if (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes > 1L << 30)
        {
            Console.WriteLine("needs a limit of at most 1 GiB");
            return 1;
        }

        for (int round = 0; round < rounds; round++)
        {
            int blocks = FillMemory(round % 2 == 0 ? 100_000 : 5_000);
            if (blocks < 0)
            {
                return 1;
            }

            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Console.WriteLine($"round {round}: caught");
            byte[] again = new byte[500_000];
            again.AsSpan().Fill(1);
            string text = string.Join(",", Enumerable.Range(0, 1000));
            Check.Equal(3889, text.Length);
        }

        Check.Throws<OutOfMemoryException>(() => GC.KeepAlive(new byte[int.MaxValue - 100]));
        Check.Equal(42, Task.Run(() => 42).Result);
        Console.WriteLine("went on after all");
        return 0;
    }

    private static int FillMemory(int blockSize)
    {
        List<byte[]> kept = new(1_000_000_000 / blockSize / 8);
        try
        {
            while (true)
            {
                byte[] block = new byte[blockSize];
                block[^1] = 1;
                kept.Add(block);
            }
        }
        catch (OutOfMemoryException)
        {
            int count = kept.Count;
            kept.Clear();
            return count;
        }
    }

    /// <summary>Allocates by malloc until it fails; then the program continues.</summary>
    private static unsafe int NativeOutOfMemory(string[] args)
    {
        void** last = null;
        long bytes = 0;
        try
        {
            while (bytes < 8L << 30)
            {
                void** block = (void**)NativeMemory.Alloc(256 << 10);
                NativeMemory.Fill(block, 256 << 10, 0x5a);
                *block = last;
                last = block;
                bytes += 256 << 10;
            }

            Console.WriteLine("8 GiB and no end");
            return 1;
        }
        catch (OutOfMemoryException)
        {
            while (last != null)
            {
                void** next = (void**)*last;
                NativeMemory.Free(last);
                last = next;
            }
        }

        Console.WriteLine(bytes > 1 << 20 ? "native memory ended, caught" : $"only {bytes} bytes");
        _ = new byte[200_000];
        Check.Equal(7, Task.Run(() => 7).Result);
        Console.WriteLine("went on after all");
        return 0;
    }

    /// <summary>Fills the given number of MiB with a pattern of addresses and reads it back: wrong if two pages share a frame.</summary>
    private static unsafe int TouchMemory(string[] args)
    {
        long megabytes = long.Parse(args[0], CultureInfo.InvariantCulture);
        const int Stride = 4096;
        const int ChunkMegabytes = 64;
        List<(nint Start, long Bytes)> chunks = [];
        for (long left = megabytes; left > 0; left -= ChunkMegabytes)
        {
            long bytes = Math.Min(left, ChunkMegabytes) << 20;
            byte* chunk = (byte*)NativeMemory.Alloc((nuint)bytes);
            chunks.Add(((nint)chunk, bytes));
            for (long offset = 0; offset < bytes; offset += Stride)
            {
                *(long*)(chunk + offset) = (long)(chunk + offset) * 31;
            }
        }

        foreach ((nint start, long bytes) in chunks)
        {
            for (long offset = 0; offset < bytes; offset += Stride)
            {
                byte* place = (byte*)start + offset;
                Check.Equal((long)place * 31, *(long*)place);
            }
        }

        Console.WriteLine($"touched {megabytes} MiB, the collector may use {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20} MiB");
        return 0;
    }

    /// <summary>Prints the wall clock as many times as asked, a second apart.</summary>
    private static int Clock(string[] args)
    {
        int times = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1;
        for (int i = 0; i < times; i++)
        {
            if (i > 0)
            {
                Thread.Sleep(1000);
            }

            Console.WriteLine($"utc {DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} ticks {Environment.TickCount64}");
        }

        return 0;
    }

    private static int SleepThenExit(string[] args)
    {
        int milliseconds = int.Parse(args[0], CultureInfo.InvariantCulture);
        Console.WriteLine("sleeping");
        Thread.Sleep(milliseconds);
        Console.WriteLine("slept");
        return 0;
    }
}
