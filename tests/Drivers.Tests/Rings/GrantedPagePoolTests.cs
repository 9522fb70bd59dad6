using System.Runtime.InteropServices;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Tests;

public sealed class GrantedPagePoolTests
{
    private readonly TestMachine _machine = new();

    [Fact]
    public void Pages_are_made_as_they_are_asked_for_and_keep_their_grants_when_they_come_back()
    {
        GrantedPagePool pool = new(_machine, domain: 3, maximum: 2);
        Assert.Equal((0, 2), (pool.Count, pool.Available));
        Assert.True(pool.TryRent(out GrantedPage? first));
        Assert.True(pool.TryRent(out GrantedPage? second));
        Assert.Equal((2, 0), (pool.Count, pool.Available));
        Assert.False(pool.TryRent(out _));

        uint reference = first.Reference;
        Assert.NotEqual(reference, second.Reference);
        pool.Return(first);
        Assert.Equal(2, _machine.Grants);
        Assert.True(pool.TryRent(out GrantedPage? again));
        Assert.Same(first, again);
        Assert.Equal(reference, again.Reference);
    }

    [Fact]
    public void Pages_side_by_side_are_rented_one_after_the_other_once_all_have_come_back()
    {
        const int count = 40;
        GrantedPagePool pool = new(_machine, domain: 3, maximum: count);
        List<GrantedPage> rented = RentAll(pool, count);
        new Random(1).Shuffle(CollectionsMarshal.AsSpan(rented));
        rented.ForEach(pool.Return);
        for (int round = 0; round < 3; round++)
        {
            rented = RentAll(pool, count);
            Assert.Equal(rented.OrderBy(page => page.Frame), rented);
            Assert.Equal(count, rented.DistinctBy(page => page.Reference).Count());
            rented.ForEach(pool.Return);
        }
    }

    private static List<GrantedPage> RentAll(GrantedPagePool pool, int count)
    {
        List<GrantedPage> rented = [];
        while (pool.TryRent(out GrantedPage? page))
        {
            rented.Add(page);
        }

        Assert.Equal(count, rented.Count);
        return rented;
    }

    [Fact]
    public void A_page_is_zeros_when_it_is_granted_and_only_to_the_pools_domain()
    {
        GrantedPagePool pool = new(_machine, domain: 3, maximum: 1);
        pool.TryRent(out GrantedPage? page);
        Assert.Throws<XenException>(() => _machine.Map(page!.Reference, 0));
        using TestMapping mapping = _machine.Map(page!.Reference, 3);
        Assert.Equal(-1, mapping.Bytes.AsSpan().IndexOfAnyExcept((byte)0));
        page.Span[5] = 9;
        Assert.Equal(9, mapping.Bytes[5]);
    }

    [Fact]
    public void Disposing_ends_all_and_a_page_that_is_still_mapped_is_kept_aside()
    {
        GrantedPagePool pool = new(_machine, domain: 3, maximum: 8);
        pool.TryRent(out GrantedPage? mapped);
        pool.TryRent(out GrantedPage? other);
        TestMapping mapping = _machine.Map(mapped!.Reference, 3);
        pool.Return(other!);
        pool.Dispose();
        Assert.Equal((1, 1, 1), (_machine.Pages, _machine.Grants, _machine.HeldPages));
        Assert.Throws<ObjectDisposedException>(() => mapped.Span[0]);
        Assert.Throws<ObjectDisposedException>(() => pool.TryRent(out _));
        Assert.Equal(0, pool.Available);
        pool.Return(mapped);

        mapping.Dispose();
        Assert.Equal((0, 0), (_machine.Pages, _machine.Grants));
    }

    [Fact]
    public void A_page_cannot_be_returned_twice()
    {
        GrantedPagePool pool = new(_machine, domain: 3, maximum: 8);
        pool.TryRent(out GrantedPage? page);
        pool.Return(page!);
        Assert.Throws<InvalidOperationException>(() => pool.Return(page!));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Where_memory_or_grants_run_out_the_pool_makes_do_with_what_it_has(bool memory)
    {
        if (memory)
        {
            _machine.PageLimit = 2;
        }
        else
        {
            _machine.GrantLimit = 2;
        }

        GrantedPagePool pool = new(_machine, domain: 3, maximum: 8);
        Assert.True(pool.TryRent(out GrantedPage? first));
        Assert.True(pool.TryRent(out _));
        Assert.False(pool.TryRent(out _));
        Assert.Equal((2, 2, 0, 2), (pool.Maximum, pool.Count, pool.Available, _machine.Pages));
        pool.Return(first);
        Assert.True(pool.TryRent(out _));
    }

    [Fact]
    public void Without_memory_for_a_single_page_the_error_is_told_and_nothing_is_lost()
    {
        GrantedPagePool pool = new(_machine, domain: 3, maximum: 8);
        _machine.PageLimit = 0;
        Assert.Throws<InsufficientMemoryException>(() => pool.TryRent(out _));
        _machine.PageLimit = 1;
        _machine.GrantLimit = 0;
        Assert.Throws<XenException>(() => pool.TryRent(out _));
        Assert.Equal(0, _machine.Pages);
        _machine.GrantLimit = 1;
        Assert.True(pool.TryRent(out _));
    }

    [Fact]
    public void Renting_and_returning_allocates_nothing_once_the_pool_has_grown()
    {
        GrantedPagePool pool = new(_machine, domain: 3, maximum: 16);
        GrantedPage[] rented = new GrantedPage[16];
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Round();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Round()
        {
            for (int i = 0; i < rented.Length; i++)
            {
                pool.TryRent(out GrantedPage? page);
                rented[i] = page!;
            }

            foreach (GrantedPage page in rented)
            {
                pool.Return(page);
            }
        }
    }
}
