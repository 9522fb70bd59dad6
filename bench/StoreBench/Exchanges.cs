using System.Diagnostics;
using System.Globalization;
using Xenlet.XenStoreRing;

namespace Xenlet.StoreBench;

/// <summary>Two domains that tell each other by watches: one writes "ping", the other, told of it, writes "pong".</summary>
internal static class Exchanges
{
    /// <summary>The first event, which says that the watch is set, is answered too: that tells the other side to begin.</summary>
    public static async Task AnswerAsync(XenStoreClient store, string home, int count)
    {
        await using XenStoreWatch watch = await store.WatchAsync(home + "/ping");
        for (int answered = 0; answered <= count; answered++)
        {
            await NextAsync(watch);
            await store.WriteAsync(home + "/pong", answered);
        }
    }

    /// <summary>Writes "measured exchange" with the nanoseconds of one exchange in each third of them.</summary>
    public static async Task AskAsync(XenStoreClient store, string home, int count)
    {
        const int rounds = 3;
        await using XenStoreWatch watch = await store.WatchAsync(home + "/pong");
        do
        {
            await NextAsync(watch);
        }
        while (!await store.ExistsAsync(home + "/pong"));

        // Events come in the order of replies: what was told before this one is here.
        _ = await store.ExistsAsync(home + "/pong");
        while (watch.TryRead(out _))
        {
        }

        Console.Write("measured exchange");
        for (int round = 0; round < rounds; round++)
        {
            int exchanges = count / rounds;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < exchanges; i++)
            {
                await store.WriteAsync(home + "/ping", i);
                await NextAsync(watch);
            }

            double each = Stopwatch.GetElapsedTime(start).TotalNanoseconds / exchanges;
            Console.Write(string.Create(CultureInfo.InvariantCulture, $" {each:F1}"));
        }

        Console.WriteLine();
    }

    private static async ValueTask NextAsync(XenStoreWatch watch)
    {
        while (!watch.TryRead(out _))
        {
            await watch.WaitToReadAsync();
        }
    }
}
