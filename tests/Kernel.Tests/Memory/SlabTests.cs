
namespace Xenlet.Kernel.Tests;

public sealed unsafe class SlabTests : NucleusTest
{
    [Theory]
    [InlineData(8)]
    [InlineData(40)]
    [InlineData(856)]
    [InlineData(2000)]
    public void Objects_are_apart_aligned_and_full_of_zeros(int size)
    {
        Slab slab = default;
        int count = (Slab.PerFrame(size) * 3) + 1;
        HashSet<ulong> taken = [];
        Assert.True(slab.TryReserve(count, size));
        for (int i = 0; i < count; i++)
        {
            void* one = slab.Take(size);
            Assert.True(new ReadOnlySpan<byte>(one, size).IndexOfAnyExcept((byte)0) < 0);
            new Span<byte>(one, size).Fill(0xee);
            Assert.Equal(0ul, (ulong)one % 16);
            Assert.True(taken.Add((ulong)one));
        }

        ulong[] sorted = [.. taken.Order()];
        Assert.All(sorted.Zip(sorted.Skip(1)), pair => Assert.True(pair.Second - pair.First >= (ulong)size));
        Assert.All(sorted, one => Assert.InRange((one % Pages.Size) + (ulong)size, (ulong)size, Pages.Size));
    }

    [Fact]
    public void A_frame_goes_back_with_its_last_object_unless_too_few_would_be_spare()
    {
        const int size = 100;
        const int frames = 4;
        int perFrame = Slab.PerFrame(size);
        Slab slab = default;
        ulong before = FrameAllocator.NucleusFrames;
        Assert.True(slab.TryReserve(frames * perFrame, size));
        nint[] taken = [.. Enumerable.Range(0, frames * perFrame).Select(_ => (nint)slab.Take(size))];
        Assert.Equal((before + frames, 0), (FrameAllocator.NucleusFrames, slab.FreeObjects));

        // Every second one first, so that each frame is partly free for long.
        foreach (nint one in taken.Where((_, i) => i % 2 == 0).Concat(taken.Where((_, i) => i % 2 == 1)))
        {
            slab.Return((void*)one, size, spare: perFrame + 1);
        }

        Assert.Equal((before + 2, 2 * perFrame), (FrameAllocator.NucleusFrames, slab.FreeObjects));
        Assert.True(slab.TryReserve((2 * perFrame) + 1, size));
        Assert.Equal(before + 3, FrameAllocator.NucleusFrames);
    }

    [Fact]
    public void Without_memory_nothing_is_reserved_and_nothing_lost()
    {
        const int size = 1000;
        while (MemoryCharge.Available > 2)
        {
            Assert.True(MemoryCharge.TryCharge(1));
        }

        Slab slab = default;
        Assert.False(slab.TryReserve((2 * Slab.PerFrame(size)) + 1, size));
        Assert.Equal((0ul, 2 * Slab.PerFrame(size)), (MemoryCharge.Available, slab.FreeObjects));
    }
}
