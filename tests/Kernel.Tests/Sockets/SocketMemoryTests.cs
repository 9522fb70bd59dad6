using CsCheck;
using Xenlet.Kernel.Nucleus.Linux.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>The pages of sockets, of which each direction has some that nothing else takes.</summary>
public sealed class SocketMemoryTests : NucleusTest
{
    private const ulong ReadWrite = 3;
    private const ulong PrivateAnonymous = 0x22;

    [Theory]
    [InlineData(SocketDirection.Received)]
    [InlineData(SocketDirection.Sent)]
    internal void A_direction_has_its_pages_when_the_program_has_all_others(SocketDirection direction)
    {
        ulong least = SocketMemory.SetAside / 2;
        Assert.Equal(FrameAllocator.TotalFrames / 8 / 16, least);
        ChargeAllMemory();

        List<ulong> pages = TakeAll(direction);
        Assert.Equal((least, 0ul), ((ulong)pages.Count, SocketMemory.Left(direction)));
        Assert.Equal(least, SocketMemory.Left(Other(direction)));

        pages.ForEach(page => SocketMemory.Return(direction, page));
        Assert.Equal((least, 0ul), (SocketMemory.Left(direction), MemoryCharge.Available));
        Assert.Equal(-Errno.ENOMEM, Map(1));
    }

    [Theory]
    [InlineData(SocketDirection.Received)]
    [InlineData(SocketDirection.Sent)]
    internal void A_direction_that_has_used_up_the_budget_leaves_the_other_its_pages(SocketDirection direction)
    {
        ulong least = SocketMemory.SetAside / 2;

        Assert.Equal(SocketMemory.Budget - least, (ulong)TakeAll(direction).Count);
        Assert.Equal(least, (ulong)TakeAll(Other(direction)).Count);

        Assert.Equal(SocketMemory.Budget, SocketMemory.PagesInUse);
        Assert.NotEqual(0ul, MemoryCharge.Available);
    }

    /// <summary>Whatever is taken and given back, in any order, the accounts agree with the frames.</summary>
    [Fact]
    public void Pages_that_were_set_aside_are_so_again_when_they_come_back() =>
        Gen.Select(Gen.Bool, Gen.Int[1, 60], Gen.Bool).Array[1, 60].Sample(
            static steps =>
            {
                Boot(DefaultFrames);
                ulong free = FrameAllocator.FreeFrames;
                ulong available = MemoryCharge.Available;
                Dictionary<SocketDirection, Stack<ulong>> taken = new() { [SocketDirection.Received] = [], [SocketDirection.Sent] = [] };
                foreach ((bool isTaken, int count, bool isSent) in steps)
                {
                    SocketDirection direction = isSent ? SocketDirection.Sent : SocketDirection.Received;
                    for (int i = 0; i < count; i++)
                    {
                        ulong left = SocketMemory.Left(direction);
                        if (isTaken && SocketMemory.Take(direction, isCleared: false) is ulong page and not 0)
                        {
                            Assert.NotEqual(0ul, left);
                            taken[direction].Push(page);
                        }
                        else if (isTaken)
                        {
                            Assert.Equal(0ul, left);
                        }
                        else if (taken[direction].TryPop(out ulong last))
                        {
                            SocketMemory.Return(direction, last);
                        }
                    }

                    ulong least = SocketMemory.SetAside / 2;
                    ulong beyond = taken.Values.Aggregate(0ul, (sum, pages) => sum + Math.Max((ulong)pages.Count, least) - least);
                    Assert.Equal(free - (ulong)taken.Values.Sum(pages => pages.Count), FrameAllocator.FreeFrames);
                    Assert.Equal(available - beyond, MemoryCharge.Available);
                }
            },
            iter: 100,
            threads: 1);

    [Fact]
    public void Stacks_do_not_take_them()
    {
        ChargeAllMemory();
        while (MemoryCharge.CanGiveStack(1))
        {
            Assert.NotEqual(0ul, FrameAllocator.Allocate());
        }

        Assert.Equal(SocketMemory.SetAside / 2, (ulong)TakeAll(SocketDirection.Received).Count);
        Assert.Equal(SocketMemory.SetAside / 2, (ulong)TakeAll(SocketDirection.Sent).Count);
    }

    private static SocketDirection Other(SocketDirection direction) =>
        direction == SocketDirection.Sent ? SocketDirection.Received : SocketDirection.Sent;

    private static List<ulong> TakeAll(SocketDirection direction)
    {
        List<ulong> pages = [];
        while (SocketMemory.Take(direction, isCleared: false) is ulong page and not 0)
        {
            pages.Add(page);
        }

        return pages;
    }

    private static long Map(ulong pages) =>
        Call(SystemCallNumber.Mmap, 0, pages * Pages.Size, ReadWrite, PrivateAnonymous, ulong.MaxValue);
}
