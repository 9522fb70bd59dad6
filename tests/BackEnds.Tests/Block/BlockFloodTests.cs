using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests.Block;

/// <summary>Front ends that refill their rings faster than they are emptied, served by one thread as in a guest.</summary>
public sealed class BlockFloodTests
{
    private const long Goal = 4 << 20;

    /// <summary>What a flood gets if nobody else has a turn.</summary>
    private const long Much = 16 * Goal;

    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    public async Task With_one_front_end_flooding_another_keeps_half_of_its_throughput(int pages)
    {
        using EventLoop loop = new("back ends");
        TaskCompletionSource<long> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Flood flood = new();
        Flood busy = new();
        flood.HasRead = () => flood.Ring!.IsOver |= flood.Bytes >= Much;
        busy.HasRead = () =>
        {
            if (busy.Bytes == Goal)
            {
                busy.Ring!.IsOver = flood.Ring!.IsOver = true;
                done.SetResult(flood.Bytes);
            }
        };
        RawFrontEnd[] fronts = [];
        await EventLoop.RunAsync(loop, () =>
        {
            fronts = [flood.Start(pages), busy.Start(1)];
            return Task.CompletedTask;
        });
        long flooded = await done.Task.WaitAsync(TimeSpan.FromMinutes(2));
        foreach (RawFrontEnd front in fronts)
        {
            await front.DisposeAsync();
            Assert.False(front.HasFailed, "a flood breaks no rule of the ring");
        }

        // A turn ends with the request that fills it.
        const long turn = (128 + 44) << 10;
        Assert.True(
            flooded <= (Goal * turn / (128 << 10)) + (2 * turn),
            $"while one front end read {Goal} bytes, the one that floods read {flooded}");
    }

    /// <summary>A store that publishes the next request of its front end with each that it carries out.</summary>
    private sealed class Flood : IBlockStore
    {
        private readonly MemoryBlockStore _store = new(1 << 20);

        public FloodRing<BlockRequest, BlockResponse>? Ring { get; private set; }

        public Action HasRead { get; set; } = static () => { };

        public long Bytes { get; private set; }

        public long Length => _store.Length;

        public int SectorSize => _store.SectorSize;

        public bool IsReadOnly => false;

        public bool CanDiscard => false;

        public RawFrontEnd Start(int pages)
        {
            RawFrontEnd front = new(this);
            uint[] references = [.. Enumerable.Range(0, pages).Select(_ => front.Grant().Reference)];
            Ring = new(front.RingPage, RawFrontEnd.Move(BlockRequestKind.Read, 0, references));
            Ring.Begin();
            return front;
        }

        public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Bytes += buffer.Length;
            HasRead();
            Ring!.Add();
            return _store.ReadAsync(offset, buffer, cancellationToken);
        }

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask FlushAsync(CancellationToken cancellationToken = default) => default;

        public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default) => default;
    }
}
