using Xenlet.Tests.SharedMemory;
using Xenlet.XenStoreRing.Tests.SharedMemory.Planted;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests.SharedMemory;

/// <summary>The ring's page changes under its reader: between any two reads of it, and on another processor.</summary>
[Collection(Name)]
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ChangingRingTests
{
    private const string Name = "changing ring";

    private const int Seeds = 3000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private delegate int RingReader(Span<byte> destination);

    [Fact]
    public void Whatever_each_read_of_the_page_gives_no_more_than_the_ring_is_read_and_written() =>
        Assert.InRange((int)RewrittenCode.Run(Play, false, Seeds, false)!, Seeds / 10, Seeds * 9 / 10);

    [Fact]
    public void An_index_that_is_fetched_twice_is_caught() =>
        Assert.Throws<InvalidOperationException>(() => RewrittenCode.Run(Play, true, Seeds, false));

    [Fact]
    public void Whatever_another_processor_scribbles_no_more_than_the_ring_is_read_and_written() => Play(false, Seeds / 30, true);

    [Fact]
    public Task Whatever_each_read_of_the_page_gives_every_request_of_a_client_ends() => (Task)RewrittenCode.Run(PlayClientsAsync, false)!;

    [Fact]
    public Task Whatever_another_processor_scribbles_every_request_of_a_client_ends() => PlayClientsAsync(true);

    private static async Task PlayClientsAsync(bool isOnThread)
    {
        for (int seed = 0; seed < 14; seed++)
        {
            await using TestServer server = new();
            server.Responder = request => request.Reply("value");
            XenStoreClient client = await server.ConnectAsync(
                new() { ResetWatches = false, RequestTimeLimit = TimeSpan.FromMilliseconds(300) });
            ChangingMemory memory = Memory(seed, server.Ring);
            IDisposable? thread = isOnThread ? memory.OnThread() : null;
            PeerTurn.Act = isOnThread ? null : memory.Turn;
            Task[] requests = [.. Enumerable.Range(0, 40).Select(number => EndsAsync(client, number))];
            await Task.WhenAll(requests).WaitAsync(Limit);
            PeerTurn.Act = null;
            thread?.Dispose();
            await client.DisposeAsync().AsTask().WaitAsync(Limit);
        }
    }

    private static async Task EndsAsync(XenStoreClient client, int number)
    {
        try
        {
            await client.ReadAsync("/" + number);
        }
        catch (XenStoreException)
        {
            // The ring is broken, or the reply was lost in it.
        }
    }

    private static ChangingMemory Memory(int seed, TestRing ring) => new(
        seed,
        ring.Address,
        [ring.Address + RingLayout.ReplyProducer, ring.Address + RingLayout.ReplyProducer, ring.Address + RingLayout.RequestConsumer]);

    /// <summary>Plays a ring for each seed, and returns how many of them reported a broken ring.</summary>
    private static int Play(bool isPlanted, int seeds, bool isOnThread)
    {
        int broken = 0;
        for (int seed = 0; seed < seeds; seed++)
        {
            Random random = new(seed);
            using TestRing ring = new((uint)random.Next(), (uint)random.Next());
            SharedRing client = new(ring.Address, RingSide.Client);
            TwiceFetchedRing planted = new(ring.Address);
            client.Attach();
            RingReader reader = isPlanted ? planted.Read : destination => client.Read(destination, out _);
            ChangingMemory memory = Memory(seed, ring);
            IDisposable? thread = isOnThread ? memory.OnThread() : null;
            PeerTurn.Act = isOnThread ? null : memory.Turn;
            try
            {
                for (int i = 0; i < 20; i++)
                {
                    PlayOnce(random, client, reader);
                }
            }
            catch (XenStoreException)
            {
                broken++;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"with seed {seed}: {error.Message}", error);
            }
            finally
            {
                PeerTurn.Act = null;
                thread?.Dispose();
            }
        }

        return broken;
    }

    private static void PlayOnce(Random random, SharedRing client, RingReader reader)
    {
        const byte Guard = 0xA5;
        Span<byte> buffer = stackalloc byte[1600];
        buffer.Fill(Guard);
        int length = random.Next(1, 1500);
        if (random.Next(3) == 0)
        {
            Assert.InRange(client.Write(buffer[..length], out _), 0, Math.Min(length, RingLayout.XENSTORE_RING_SIZE));
        }
        else
        {
            int count = reader(buffer[..length]);
            Assert.InRange(count, 0, Math.Min(length, RingLayout.XENSTORE_RING_SIZE));
            Assert.Equal(-1, buffer[count..].IndexOfAnyExcept(Guard));
        }

        client.CheckIndexes();
    }
}
