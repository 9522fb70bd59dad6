using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.GuestImage;

/// <summary>xenstore over the real ring page, with dom0 at the other end: the host's test plays dom0's part at each line printed.</summary>
internal static class StoreCases
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public static IEnumerable<Case> All => [new("xenstore", RunAsync)];

    private static async Task RunAsync()
    {
        using IXenStoreLink link = Guest.XenStore.Open();
        // As after a late start of xenstored, or after a resume; here page and port are the same.
        uint port = link.Events.Port;
        link.FindAgain();
        Check.Equal(port, link.Events.Port);
        await using XenStoreClient store = await XenStoreClient.ConnectAsync(XenStoreLinkTransport.Create(link));
        Console.WriteLine($"name {await store.ReadAsync("name")}, domain {await store.ReadInt32Async("domid")}");
        await WriteAndReadBackAsync(store);
        await WatchAsync(store);
        await ConflictAsync(store);
        await DirectoryAsync(store);
        await ManyReadsAsync(store);
        await ErrorsAsync(store);
    }

    private static async Task WriteAndReadBackAsync(XenStoreClient store)
    {
        string value = string.Concat(Enumerable.Range(0, 400).Select(number => number.ToString("D5", CultureInfo.InvariantCulture)));
        Check.Equal(2000, value.Length);
        await store.WriteAsync("data/long", value);
        Check.Equal(value, await store.ReadAsync("data/long"));
        await store.RemoveAsync("data/long");
        Check.That(await store.TryReadAsync("data/long") is null);
        await store.WriteAsync("data/left", "by the guest");
        Console.WriteLine("wrote and read back");
    }

    private static async Task WatchAsync(XenStoreClient store)
    {
        using CancellationTokenSource limit = new(Limit);
        await using XenStoreWatch watch = await store.WatchAsync("data/ping", limit.Token);
        Console.WriteLine("watching");
        await foreach (XenStoreWatchEvent _ in watch.WithCancellation(limit.Token))
        {
            if (await store.TryReadAsync("data/ping", limit.Token) is { } value)
            {
                Console.WriteLine($"watch saw {value}");
                return;
            }
        }
    }

    /// <summary>dom0 writes a node that the transaction has read: the first commit fails, and the helper runs the body again.</summary>
    private static async Task ConflictAsync(XenStoreClient store)
    {
        using CancellationTokenSource limit = new(Limit);
        await store.WriteAsync("data/counter", 1, limit.Token);
        await using XenStoreWatch watch = await store.WatchAsync("data/counter", limit.Token);
        int attempts = 0;
        int result = await store.TransactAsync(
            async (transaction, token) =>
            {
                int before = await transaction.ReadInt32Async("data/counter", token);
                if (++attempts == 1)
                {
                    Console.WriteLine("in transaction");
                    while (await store.ReadInt32Async("data/counter", token) == before)
                    {
                        Check.That(await watch.WaitToReadAsync(token));
                        _ = watch.TryRead(out XenStoreWatchEvent _);
                    }
                }

                await transaction.WriteAsync("data/counter", before + 1, token);
                return before + 1;
            },
            limit.Token);
        Console.WriteLine($"committed {result} in {attempts} attempts");
    }

    private static async Task DirectoryAsync(XenStoreClient store)
    {
        Console.WriteLine("make the directory");
        using CancellationTokenSource limit = new(Limit);
        await using XenStoreWatch watch = await store.WatchAsync("data/many-made", limit.Token);
        while (await store.TryReadAsync("data/many-made", limit.Token) is null)
        {
            Check.That(await watch.WaitToReadAsync(limit.Token));
            _ = watch.TryRead(out XenStoreWatchEvent _);
        }

        string[] names = await store.DirectoryAsync("data/many");
        Check.Equal(2000, names.Distinct().Count());
        Console.WriteLine($"listed {names.Length} names from {names.Min(StringComparer.Ordinal)} to {names.Max(StringComparer.Ordinal)}");
    }

    private static async Task ManyReadsAsync(XenStoreClient store)
    {
        using SemaphoreSlim inFlight = new(20);
        int equal = 0;
        await Task.WhenAll(Enumerable.Range(0, 2000).Select(async _ =>
        {
            await inFlight.WaitAsync();
            if (await store.ReadAsync("data/left") == "by the guest")
            {
                Interlocked.Increment(ref equal);
            }

            inFlight.Release();
        }));
        Console.WriteLine($"read {equal} times");
    }

    private static async Task ErrorsAsync(XenStoreClient store)
    {
        XenStoreException denied = await FailureAsync(() => store.WriteAsync("/local/domain/0/data/not-ours", "x").AsTask());
        XenStoreException missing = await FailureAsync(() => store.ReadAsync("data/nothing-here").AsTask());
        Check.Equal(XenStoreError.EACCES, denied.Error);
        Check.Equal(XenStoreError.ENOENT, missing.Error);
        Check.That(missing.Message.Contains("data/nothing-here", StringComparison.Ordinal));
        Console.WriteLine("errors are named");
    }

    private static async Task<XenStoreException> FailureAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (XenStoreException error)
        {
            return error;
        }

        throw new InvalidOperationException("no error came");
    }
}
