
namespace Xenlet.Kernel.Tests.Managed;

/// <summary>Pages and grants when the other domain does not unmap them.</summary>
public sealed class SharedPageTests : IDisposable
{
    private const ulong Address = SharedPages.WindowStart + 0x5000;

    private readonly XenSharedPages _pages = new();
    private readonly HashSet<ulong> _granted = [];
    private readonly HashSet<ulong> _mapped = [];
    private ulong _nextReference = 8;
    private int _released;
    private int _attempts;

    public SharedPageTests() => NucleusSystemCall.Nucleus = Answer;

    public void Dispose() => NucleusSystemCall.Nucleus = static (_, _, _, _) => -Errno.ENOSYS;

    [Fact]
    public void A_pages_frame_is_its_place_in_the_window() => Assert.Equal(5ul, _pages.Allocate().Frame);

    [Fact]
    public void A_grant_that_is_in_use_does_not_end_until_the_other_domain_lets_go()
    {
        ISharedPage page = _pages.Allocate();
        IGrant grant = page.Grant(7);
        _mapped.Add(grant.Reference);

        Assert.False(grant.TryEnd());
        Assert.False(grant.TryEnd());
        _mapped.Clear();
        Assert.True(grant.TryEnd());

        Assert.Empty(_granted);
        page.Dispose();
        Assert.Equal(1, _released);
    }

    [Fact]
    public void A_page_that_is_disposed_while_the_other_domain_has_it_is_held_and_released_later()
    {
        ISharedPage page = _pages.Allocate();
        IGrant first = page.Grant(7);
        page.Grant(8);
        _mapped.Add(first.Reference);

        page.Dispose();

        Assert.Equal(_mapped, _granted);
        Assert.Equal((1, 0), (_pages.HeldPages, _released));
        _mapped.Clear();
        Assert.Equal((0, 1), (_pages.HeldPages, _released));
        Assert.Empty(_granted);
        Assert.True(first.TryEnd());
    }

    [Fact]
    public void Allocating_and_granting_try_again_to_end_what_is_held()
    {
        ISharedPage other = _pages.Allocate();
        foreach (Action retry in (Action[])[() => _pages.Allocate(), () => other.Grant(3).Dispose()])
        {
            ISharedPage page = _pages.Allocate();
            IGrant grant = page.Grant(7);
            _mapped.Add(grant.Reference);
            page.Dispose();
            int released = _released;
            _mapped.Clear();

            retry();

            Assert.Equal(released + 1, _released);
        }
    }

    [Fact]
    public void However_much_is_held_an_allocation_tries_to_end_a_few_and_each_gets_its_turn()
    {
        ulong[] held = [.. Enumerable.Range(0, 1000).Select(_ => Hold())];
        _attempts = 0;
        for (int i = 0; i < 100; i++)
        {
            _pages.Allocate();
        }

        Assert.InRange(_attempts, 100, 400);
        _mapped.Remove(held[700]);
        for (int i = 0; i < 250 && _released == 0; i++)
        {
            _pages.Allocate();
        }

        Assert.Equal(1, _released);
    }

    [Theory]
    [InlineData(NucleusCall.AllocatePage, Errno.ENOMEM)]
    [InlineData(NucleusCall.GrantPage, Errno.ENOSPC)]
    public void What_runs_out_is_asked_for_again_once_all_that_is_held_has_been_tried(int call, long errno)
    {
        ISharedPage page = _pages.Allocate();
        ulong[] held = [.. Enumerable.Range(0, 100).Select(_ => Hold())];
        NucleusSystemCall.Nucleus = (number, a1, a2, a3) => number == call && _released == 0 ? -errno : Answer(number, a1, a2, a3);

        Assert.ThrowsAny<Exception>(Ask);
        _mapped.Remove(held[70]);
        Ask();

        Assert.Equal(1, _released);

        void Ask() => _ = call == NucleusCall.GrantPage ? (object)page.Grant(7) : _pages.Allocate();
    }

    [Fact]
    public void A_disposed_grant_that_is_in_use_is_held_while_its_page_lives_on()
    {
        ISharedPage page = _pages.Allocate();
        IGrant grant = page.Grant(7);
        _mapped.Add(grant.Reference);
        grant.Dispose();
        Assert.Equal(1, _pages.HeldPages);
        IGrant second = page.Grant(9);
        _mapped.Clear();

        Assert.Equal(0, _pages.HeldPages);

        Assert.Equal([(ulong)second.Reference], _granted);
        Assert.Equal(0, _released);
    }

    [Fact]
    public void A_page_without_room_in_the_table_says_so_by_name()
    {
        ISharedPage page = _pages.Allocate();
        NucleusSystemCall.Nucleus = static (number, _, _, _) => number == NucleusCall.GrantPage ? -Errno.ENOSPC : 0;

        XenException full = Assert.Throws<XenException>(() => page.Grant(7));

        Assert.Equal((XenErrno.ENOSPC, "granting guest frame 5 to domain 7 failed: ENOSPC (28)"), (full.Error, full.Message));
    }

    [Fact]
    public void Memory_that_is_used_up_is_an_OutOfMemoryException()
    {
        NucleusSystemCall.Nucleus = static (_, _, _, _) => -Errno.ENOMEM;
        Assert.ThrowsAny<OutOfMemoryException>(_pages.Allocate);
    }

    /// <summary>The grant reference of a page that another domain does not unmap.</summary>
    private ulong Hold()
    {
        ISharedPage page = _pages.Allocate();
        ulong reference = page.Grant(7).Reference;
        _mapped.Add(reference);
        page.Dispose();
        return reference;
    }

    private long Answer(int number, ulong a1, ulong a2, ulong a3)
    {
        switch (number)
        {
            case NucleusCall.ReadHypervisorFacts:
                unsafe
                {
                    *(HypervisorFacts*)a1 = new HypervisorFacts { IsPresent = 1 };
                }

                return 0;
            case NucleusCall.AllocatePage:
                return (long)Address;
            case NucleusCall.GrantPage:
                Assert.Equal(Address, a2);
                _granted.Add(_nextReference);
                return (long)_nextReference++;
            case NucleusCall.EndGrant:
                Assert.Contains(a1, _granted);
                _attempts++;
                if (_mapped.Contains(a1))
                {
                    return -Errno.EBUSY;
                }

                _granted.Remove(a1);
                return 0;
            case NucleusCall.ReleasePage:
                Assert.Equal(Address, a1);
                _released++;
                return 0;
            default:
                Assert.Fail($"call {number}");
                return 0;
        }
    }
}
