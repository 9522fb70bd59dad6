using Xenlet.Drivers.Tests.SharedMemory.Planted;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.Tests.SharedMemory;

namespace Xenlet.Drivers.Tests.SharedMemory;

/// <summary>
/// A ring's pages change under the front end: between any two reads of them, and on another processor. The routines that read entries are
/// played alone, beside copies that read something twice.
/// </summary>
[Collection(Name)]
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ChangingRingTests
{
    /// <summary>All tests that use <see cref="PeerTurn"/>: it is one for the whole process.</summary>
    public const string Name = "changing memory";

    private const int Seeds = 1000;

    public static TheoryData<string> Routines => [.. new[] { nameof(PlayIndex), nameof(PlayBlockResponses), nameof(PlayFrames) }];

    [Theory]
    [MemberData(nameof(Routines))]
    public void Whatever_each_read_of_the_pages_gives_responses_are_of_what_was_asked(string routine) =>
        Assert.InRange((int)RewrittenCode.Run(Find(routine), false, Seeds, false)!, Seeds / 10, Seeds * 9 / 10);

    [Theory]
    [MemberData(nameof(Routines))]
    public void What_is_fetched_twice_is_caught(string routine) =>
        Assert.Throws<InvalidOperationException>(() => RewrittenCode.Run(Find(routine), true, Seeds, false));

    [Theory]
    [MemberData(nameof(Routines))]
    public void Whatever_another_processor_scribbles_responses_are_of_what_was_asked(string routine) =>
        Find(routine)(false, Seeds / 20, true);

    private static Func<bool, int, bool, int> Find(string routine) => routine switch
    {
        nameof(PlayIndex) => PlayIndex,
        nameof(PlayBlockResponses) => PlayBlockResponses,
        _ => PlayFrames,
    };

    /// <summary>No more responses are taken than requests were published.</summary>
    private static int PlayIndex(bool isPlanted, int seeds, bool isOnThread) => Play(seeds, seed =>
    {
        TestMachine machine = new();
        TestPage page = (TestPage)machine.Allocate();
        FrontRing<ulong, ulong> ring = new([page]);
        uint published = (uint)new Random(seed).Next(1, ring.Capacity);
        for (uint i = 0; i < published; i++)
        {
            ring.Put(i);
        }

        ring.Publish();
        TwiceFetchedIndex planted = new(new RingPages([page], sizeof(ulong)), published);
        int taken = 0;
        using ChangingPages changing = new(seed, isOnThread, page.Bytes);
        for (int look = 0; look < 200; look++)
        {
            bool isTaken = isPlanted ? planted.TryTake() : ring.TryTake(out _) || (ring.FinalCheck() && ring.TryTake(out _));
            taken += isTaken ? 1 : 0;
            Assert.True(taken <= published, $"{taken} responses were taken of {published} requests");
        }
    });

    /// <summary>Each answer of a disk is that of a request under way, and each request is answered once.</summary>
    private static int PlayBlockResponses(bool isPlanted, int seeds, bool isOnThread) => Play(seeds, seed =>
    {
        const int Requests = 20;
        Random random = new(seed);
        TestMachine machine = new();
        BlockDevice device = new("xvda");
        BlockConnection connection = new(device, machine, machine, 0, ringPages: 1, handle: 1, new BlockOptions());
        for (int i = 0; i < Requests; i++)
        {
            BlockOperation operation = new(device) { Kind = BlockRequestKind.Read };
            BlockFragment fragment = new(operation, 0, 4096);
            Assert.True(connection.TrySend(ref fragment, i));
        }

        connection.Publish();
        byte[] bytes = machine.Map(connection.RingReferences[0], 0).Bytes;
        BackRing<BlockRequest, BlockResponse> back = new([bytes], 112);
        BlockSlot[] slots = [.. connection.NewestFirst().OrderBy(slot => slot.Id & 0xFFFF)];
        ulong[] ids = [.. slots.Select(slot => slot.Id)];
        random.Shuffle(ids);
        foreach (ulong id in ids[..^2])
        {
            back.Put(new BlockResponse { Id = id });
        }

        back.Publish();
        TwiceFetchedBlockResponses planted = new(new RingPages([new BorrowedPage(bytes)], 112), slots, Requests);
        using ChangingPages changing = new(seed, isOnThread, bytes);
        for (int look = 0; look < Requests; look++)
        {
            changing.ReadsNext(look, entrySize: 112);
            if ((isPlanted ? planted.TryTake(out _) : connection.TryTake(out _)) is { } slot)
            {
                Assert.True(slot.Operation is not null, "a request was answered that is not under way");
                connection.Finish(slot);
            }
        }
    });

    /// <summary>What a response says of its page lies within the page.</summary>
    private static int PlayFrames(bool isPlanted, int seeds, bool isOnThread) => Play(seeds, seed =>
    {
        TestMachine machine = new();
        TestPage page = (TestPage)machine.Allocate();
        FrontRing<ReceiveRequest, ReceiveResponse> ring = new([page]);
        BackRing<ReceiveRequest, ReceiveResponse> back = new([page.Bytes], 8);
        for (int i = 0; i < ring.Capacity; i++)
        {
            ring.Put(default);
        }

        ring.Publish();
        const int Responses = 100;
        for (int i = 0; i < Responses; i++)
        {
            ushort flags = i % 3 == 0 ? NetProtocol.ReceiveMoreData : (ushort)0;
            back.Put(new ReceiveResponse { Offset = (ushort)(i * 10), Status = (short)(60 + i), Flags = flags });
        }

        back.Publish();
        byte[] data = new byte[ISharedPage.Size];
        TwiceFetchedFrames planted = new(new RingPages([page], 8));
        FrameAssembly<FrameBuffer> assembly = new(new FramePool(), new NetworkCounters());
        using ChangingPages changing = new(seed, isOnThread, page.Bytes);
        for (uint i = 0; i < Responses; i++)
        {
            changing.ReadsNext((int)i, entrySize: 8);
            if (isPlanted)
            {
                Assert.InRange(planted.Take(i, data), 0, data.Length);
            }
            else if (ring.TryTake(out ReceiveResponse response))
            {
                using FrameBuffer? frame = assembly.Add(in response, data, id: 0);
                Assert.InRange(frame?.Length ?? EthernetHeader.Size, EthernetHeader.Size, NetProtocol.MaximumFrameSize);
            }
        }

        assembly.Abandon();
    });

    /// <summary>
    /// Plays once with each seed, and gives back how often the other end was found to break the protocol. Anything else is an error.
    /// </summary>
    private static int Play(int seeds, Action<int> play)
    {
        int broken = 0;
        for (int seed = 0; seed < seeds; seed++)
        {
            try
            {
                play(seed);
            }
            catch (BrokenRingException)
            {
                broken++;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"with seed {seed}: {error.Message}", error);
            }
        }

        return broken;
    }

    /// <summary>The bytes of a page that is another's.</summary>
    private sealed class BorrowedPage(byte[] bytes) : ISharedPage
    {
        public ulong Frame => 0;

        public Span<byte> Span => bytes;

        public Memory<byte> Memory => bytes;

        public IGrant Grant(ushort domain, bool isReadOnly) => throw new NotSupportedException("it is granted already");

        public void Dispose()
        {
        }
    }
}
