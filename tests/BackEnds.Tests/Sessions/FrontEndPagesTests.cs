using Xenlet.Drivers.Tests;

namespace Xenlet.BackEnds.Tests.Sessions;

/// <summary>How many pages of front ends are mapped.</summary>
public sealed class FrontEndPagesTests
{
    private const ushort Self = 1;

    private readonly TestMachine _front = new();
    private readonly BackEndMachine _machine;

    public FrontEndPagesTests() => _machine = new(_front, Self);

    [Fact]
    public async Task Front_ends_that_keep_many_pages_mapped_leave_room_for_the_rings_of_others()
    {
        DataPages all = new(5);
        using FrontEndPages one = new(_machine, domain: 0, maximum: 4, all);
        using FrontEndPages other = new(_machine, domain: 0, maximum: 4, all);
        Assert.Equal([true, true, true, true, false], Enumerable.Range(0, 5).Select(_ => one.FindPersistent(Grant()) is not null));
        Assert.Equal([true, false], Enumerable.Range(0, 2).Select(_ => other.FindPersistent(Grant()) is not null));
        Assert.Equal((5, 5), (_machine.Mapped, all.Count));
        await other.MapAsync(new[] { Grant(), Grant() }, CancellationToken.None);
        Assert.Equal((7, 5), (_machine.Mapped, all.Count));
        one.Dispose();
        Assert.Equal((3, 1), (_machine.Mapped, all.Count));
    }

    [Fact]
    public void A_page_that_Xen_refuses_does_not_count()
    {
        DataPages all = new(1);
        using FrontEndPages pages = new(_machine, domain: 0, maximum: 4, all);
        Assert.Null(pages.FindPersistent(77777));
        Assert.NotNull(pages.FindPersistent(Grant()));
    }

    private uint Grant() => _front.Allocate().Grant(Self).Reference;
}
