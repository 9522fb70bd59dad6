using System.Diagnostics;
using System.Globalization;
using Xenlet.GuestBench;

namespace Xenlet.StoreBench;

/// <summary>The same by libxenstore, as a C program would: one handle, blocking calls.</summary>
internal static unsafe class OtherLibrary
{
    public static bool TryRun(string[] arguments)
    {
        switch (arguments)
        {
            case ["library-read", var node]:
                Read(node);
                break;
            case ["library-answer", var home, var count]:
                Answer(home, int.Parse(count, CultureInfo.InvariantCulture));
                break;
            default:
                return false;
        }

        Console.WriteLine("StoreBench has ended");
        return true;
    }

    private static void Read(string node)
    {
        nint store = Open();
        fixed (byte* path = Text(node))
        {
            byte* name = path;
            ReadOnce(store, name);
            Rounds.Report("one", operations =>
            {
                for (long i = 0; i < operations; i++)
                {
                    ReadOnce(store, name);
                }
            });
            long[] times = new long[300];
            for (int i = 0; i < times.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                ReadOnce(store, name);
                times[i] = Stopwatch.GetTimestamp() - start;
            }

            Latency.Report(times);
        }

        NativeMethods.Close(store);
    }

    private static void Answer(string home, int count)
    {
        nint store = Open();
        fixed (byte* ping = Text(home + "/ping"), pong = Text(home + "/pong"), token = Text("token"))
        {
            Check(NativeMethods.Watch(store, ping, token), "xs_watch");
            for (int answered = 0; answered <= count; answered++)
            {
                byte** watchEvent = NativeMethods.ReadWatch(store, out _);
                Check(watchEvent is not null, "xs_read_watch");
                NativeMethods.Free(watchEvent);
                Check(NativeMethods.Write(store, 0, pong, token, 1), "xs_write");
            }
        }

        NativeMethods.Close(store);
    }

    private static nint Open()
    {
        nint store = NativeMethods.Open(0);
        Check(store != 0, "xs_open");
        return store;
    }

    private static void ReadOnce(nint store, byte* path)
    {
        void* value = NativeMethods.Read(store, 0, path, out _);
        Check(value is not null, "xs_read");
        NativeMethods.Free(value);
    }

    private static byte[] Text(string text) => [.. System.Text.Encoding.ASCII.GetBytes(text), 0];

    private static void Check(bool good, string call)
    {
        if (!good)
        {
            throw new IOException($"{call} failed.");
        }
    }
}
