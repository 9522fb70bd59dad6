using System.Runtime.InteropServices;
using CsCheck;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Tests;

public sealed class FrontRingTests
{
    private readonly TestMachine _machine = new();

    [Theory]
    [InlineData(1, 112, 32)]
    [InlineData(2, 112, 64)]
    [InlineData(4, 112, 128)]
    [InlineData(1, 12, 256)]
    [InlineData(1, 8, 256)]
    [InlineData(1, 4032, 1)]
    public void A_ring_has_the_largest_power_of_two_of_entries_that_fits(int pages, int entrySize, int count)
    {
        FrontRing<ulong, ulong> ring = new(Allocate(pages), entrySize);
        Assert.Equal(count, ring.Capacity);
        Assert.Equal(count, ring.Free);
    }

    [Fact]
    public void A_ring_without_room_for_an_entry_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new FrontRing<ulong, ulong>(Allocate(1), 4033));
        Assert.Throws<ArgumentException>(() => new FrontRing<ulong, ulong>(Allocate(1), 4));
    }

    [Fact]
    public void A_new_ring_is_zeros_and_asks_for_an_event_at_the_first_of_each()
    {
        ISharedPage[] pages = Allocate(2);
        pages[0].Span.Fill(0xAA);
        pages[1].Span.Fill(0xAA);
        _ = new FrontRing<Wide, ulong>(pages);
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(pages[0].Span);
        Assert.Equal([0u, 1, 0, 1], words[..4].ToArray());
        Assert.Equal(-1, words[4..].IndexOfAnyExcept(0u));
        Assert.Equal(-1, pages[1].Span.IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void An_entry_may_begin_in_one_page_and_end_in_the_next()
    {
        (FrontRing<Wide, Wide> front, BackRing<Wide, Wide> back) = Pair<Wide, Wide>(pages: 4);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < front.Capacity; i++)
            {
                front.Put(Wide.Of((uint)((1000 * round) + i)));
            }

            front.Publish();
            for (int i = 0; i < front.Capacity; i++)
            {
                Assert.True(back.TryTake(out Wide request));
                Assert.Equal(Wide.Of((uint)((1000 * round) + i)), request);
                back.Put(Wide.Of(request.First + 7));
            }

            back.Publish();
            for (int i = 0; i < front.Capacity; i++)
            {
                Assert.True(front.TryTake(out Wide response));
                Assert.Equal(Wide.Of((uint)((1000 * round) + i + 7)), response);
            }

            Assert.False(front.TryTake(out _));
        }
    }

    [Fact]
    public void A_full_ring_takes_no_more()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back) = Pair<ulong, ulong>();
        for (int i = 0; i < front.Capacity; i++)
        {
            front.Put((ulong)i);
        }

        Assert.Throws<InvalidOperationException>(() => front.Put(0));
        front.Publish();
        Assert.True(back.TryTake(out _));
        Assert.Throws<InvalidOperationException>(() => front.Put(0));
        back.Put(1);
        back.Publish();
        Assert.True(front.TryTake(out _));
        front.Put(0);
    }

    [Fact]
    public void The_back_end_is_notified_once_for_what_was_published_and_not_while_it_is_awake()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back) = Pair<ulong, ulong>();
        Assert.False(front.Publish());
        front.Put(1);
        front.Put(2);
        Assert.True(front.Publish());
        Assert.False(front.Publish());
        front.Put(3);
        Assert.False(front.Publish());

        while (back.TryTake(out _))
        {
        }

        Assert.False(back.FinalCheck());
        front.Put(4);
        Assert.True(front.Publish());
    }

    [Fact]
    public void The_final_check_sees_what_came_before_it_and_asks_for_an_event_at_the_next()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back) = Pair<ulong, ulong>();
        front.Put(1);
        front.Put(2);
        front.Publish();
        back.Put(1);
        Assert.True(back.Publish());
        Assert.True(front.FinalCheck());
        Assert.True(front.TryTake(out _));

        // No event is requested yet: nothing announces the second response, and the check finds it.
        back.Put(2);
        Assert.False(back.Publish());
        Assert.True(front.FinalCheck());
        Assert.True(front.TryTake(out _));
        Assert.False(front.FinalCheck());

        front.Put(3);
        front.Publish();
        back.Put(3);
        Assert.True(back.Publish());
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(4u)]
    [InlineData(0x80000000u)]
    [InlineData(uint.MaxValue)]
    public void More_responses_than_requests_break_the_ring(uint producer)
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back) = Pair<ulong, ulong>();
        back.ResponseProducer = producer;
        Assert.Throws<BrokenRingException>(() => front.TryTake(out _));
        Assert.Throws<BrokenRingException>(() => front.FinalCheck());

        // A request that is not published has not been made.
        back.ResponseProducer = 0;
        front.Put(1);
        back.ResponseProducer = 1;
        Assert.Throws<BrokenRingException>(() => front.TryTake(out _));
    }

    [Fact]
    public void A_response_count_that_goes_back_breaks_the_ring()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back) = Pair<ulong, ulong>();
        front.Put(1);
        front.Put(2);
        front.Publish();
        back.ResponseProducer = 1;
        Assert.True(front.TryTake(out _));
        back.ResponseProducer = 0;
        Assert.Throws<BrokenRingException>(() => front.TryTake(out _));
    }

    [Fact]
    public void What_the_back_end_writes_over_the_front_ends_own_indexes_and_entries_changes_nothing_of_what_it_knows()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back) = Pair<ulong, ulong>();
        Random random = new(5);
        for (int i = 0; i < 1000; i++)
        {
            int outstanding = front.Outstanding;
            back.Scribble(random);
            back.ResponseProducer = (uint)i;
            Assert.Equal(outstanding, front.Outstanding);
            front.Put(7);
            front.Publish();
            Assert.Equal((uint)i + 1, back.RequestProducer);
            back.ResponseProducer = (uint)i + 1;
            Assert.True(front.TryTake(out _));
            Assert.False(front.TryTake(out _));
        }
    }

    [Fact]
    public void Against_a_model_any_order_of_steps_delivers_each_entry_once_in_order_and_loses_no_event() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, 6].Array[0, 400]).Sample((pages, steps) =>
        {
            (FrontRing<Wide, Wide> front, BackRing<Wide, Wide> back) = Pair<Wide, Wide>(pages);
            Queue<uint> unpublished = [];
            Queue<uint> atBack = [];
            Queue<uint> taken = [];
            Queue<uint> answered = [];
            Queue<uint> atFront = [];
            uint next = 1;
            bool backAsleep = true;
            bool frontAsleep = false;
            foreach (int step in steps)
            {
                switch (step)
                {
                    case 0 when front.Free > 0:
                        front.Put(Wide.Of(next));
                        unpublished.Enqueue(next++);
                        break;
                    case 1:
                        bool wake = front.Publish();
                        Assert.True(wake || !backAsleep || unpublished.Count == 0, "the back end sleeps and was not notified");
                        backAsleep &= !wake;
                        Move(unpublished, atBack);
                        break;
                    case 2:
                        Assert.Equal(atBack.Count > 0, back.TryTake(out Wide request));
                        if (atBack.TryDequeue(out uint expected))
                        {
                            Assert.Equal(Wide.Of(expected), request);
                            taken.Enqueue(expected);
                        }

                        break;
                    case 3:
                        bool more = back.FinalCheck();
                        Assert.Equal(atBack.Count > 0, more);
                        backAsleep = !more;
                        break;
                    case 4 when taken.Count > 0:
                        uint answer = taken.Dequeue();
                        back.Put(Wide.Of(answer ^ 0xFFFF));
                        answered.Enqueue(answer);
                        break;
                    case 5:
                        bool tell = back.Publish();
                        Assert.True(tell || !frontAsleep || answered.Count == 0, "the front end waits and was not notified");
                        frontAsleep &= !tell;
                        Move(answered, atFront);
                        break;
                    case 6:
                        while (atFront.TryDequeue(out uint back1))
                        {
                            Assert.True(front.TryTake(out Wide response));
                            Assert.Equal(Wide.Of(back1 ^ 0xFFFF), response);
                        }

                        Assert.False(front.TryTake(out _));
                        frontAsleep = !front.FinalCheck();
                        break;
                }

                Assert.Equal(unpublished.Count + atBack.Count + taken.Count + answered.Count + atFront.Count, front.Outstanding);
            }
        }, iter: 2000);

    [Fact]
    public async Task Two_threads_that_sleep_until_they_are_notified_pass_100000_entries()
    {
        const uint Total = 100_000;
        (FrontRing<Wide, Wide> front, BackRing<Wide, Wide> back) = Pair<Wide, Wide>(pages: 2);
        using SemaphoreSlim toBack = new(0);
        using SemaphoreSlim toFront = new(0);
        Task backEnd = Task.Run(async () =>
        {
            for (uint next = 0; next < Total;)
            {
                while (back.TryTake(out Wide request))
                {
                    Assert.Equal(Wide.Of(next++), request);
                    back.Put(request);
                }

                if (back.Publish())
                {
                    toFront.Release();
                }

                if (!back.FinalCheck() && next < Total)
                {
                    Assert.True(await toBack.WaitAsync(TimeSpan.FromMinutes(2)), "the back end was not notified");
                }
            }
        });
        uint sent = 0;
        for (uint received = 0; received < Total;)
        {
            while (front.Free > 0 && sent < Total)
            {
                front.Put(Wide.Of(sent++));
            }

            if (front.Publish())
            {
                toBack.Release();
            }

            while (front.TryTake(out Wide response))
            {
                Assert.Equal(Wide.Of(received++), response);
            }

            if (!front.FinalCheck() && front.Outstanding > 0)
            {
                Assert.True(await toFront.WaitAsync(TimeSpan.FromMinutes(2)), "the front end was not notified");
            }
        }

        await backEnd;
    }

    private static void Move(Queue<uint> from, Queue<uint> to)
    {
        while (from.TryDequeue(out uint value))
        {
            to.Enqueue(value);
        }
    }

    private ISharedPage[] Allocate(int count) => [.. Enumerable.Range(0, count).Select(_ => _machine.Allocate())];

    private (FrontRing<TRequest, TResponse> Front, BackRing<TRequest, TResponse> Back) Pair<TRequest, TResponse>(int pages = 1)
        where TRequest : unmanaged
        where TResponse : unmanaged
    {
        ISharedPage[] memory = Allocate(pages);
        FrontRing<TRequest, TResponse> front = new(memory);
        int entrySize = Math.Max(
            System.Runtime.CompilerServices.Unsafe.SizeOf<TRequest>(), System.Runtime.CompilerServices.Unsafe.SizeOf<TResponse>());
        return (front, new BackRing<TRequest, TResponse>([.. memory.Select(page => ((TestPage)page).Bytes)], entrySize));
    }

    /// <summary>As large as a block request, so that entries of a ring of several pages straddle them.</summary>
    [System.Runtime.CompilerServices.InlineArray(28)]
    private struct Wide : IEquatable<Wide>
    {
        private uint _first;

        public readonly uint First => _first;

        public static Wide Of(uint value)
        {
            Wide wide = default;
            for (int i = 0; i < 28; i++)
            {
                wide[i] = value + (uint)(i * 0x01010101);
            }

            return wide;
        }

        public readonly bool Equals(Wide other) => ((ReadOnlySpan<uint>)this).SequenceEqual(other);

        public override readonly bool Equals(object? obj) => obj is Wide other && Equals(other);

        public override readonly int GetHashCode() => (int)_first;
    }
}
