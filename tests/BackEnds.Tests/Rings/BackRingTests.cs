using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CsCheck;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests.Rings;

/// <summary>The back end's side of a ring, with the front end's own side, and with a front end that lies.</summary>
public sealed class BackRingTests
{
    [Theory]
    [InlineData(1, 112, 32)]
    [InlineData(4, 112, 128)]
    [InlineData(1, 12, 256)]
    public void Both_ends_count_the_same_entries(int pages, int entrySize, int count)
    {
        IPage[] memory = Allocate(pages);
        Assert.Equal(count, new FrontRing<ulong, ulong>(Shared(memory), entrySize).Capacity);
        Assert.Equal(count, new BackRing<ulong, ulong>(memory, entrySize).Capacity);
        Assert.Throws<ArgumentException>(() => new BackRing<ulong, ulong>(memory, 4));
    }

    /// <summary>Any order of steps of both ends: entries arrive once and in order, and nobody sleeps while there is work.</summary>
    [Fact]
    public void Against_the_front_ring_each_request_and_response_arrives_once_and_no_event_is_lost() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, 7].Array[0, 600]).Sample((pages, steps) =>
        {
            IPage[] memory = Allocate(pages);
            FrontRing<Wide, Wide> front = new(Shared(memory));
            BackRing<Wide, Wide> back = new(memory);
            Queue<uint> requested = [];
            Queue<uint> taken = [];
            Queue<uint> answered = [];
            uint next = 0;
            int untaken = 0;
            int unread = 0;
            bool isBackAsleep = false;
            bool isFrontAsleep = false;
            foreach (int step in (int[])[.. steps, .. Enumerable.Repeat((int[])[2, 3, 4, 5, 6], 400).SelectMany(order => order)])
            {
                switch (step)
                {
                    case 0 or 1 when front.Free > 0:
                        front.Put(Wide.Of(++next));
                        requested.Enqueue(next);
                        break;
                    case 2:
                        isBackAsleep &= !front.Publish();
                        untaken = requested.Count;
                        break;
                    case 3 when back.TryTake(out Wide request):
                        Assert.Equal(Wide.Of(requested.Dequeue()), request);
                        taken.Enqueue(request.First);
                        untaken--;
                        break;
                    case 4 when taken.TryDequeue(out uint number):
                        back.Put(Wide.Of(number + 1000));
                        answered.Enqueue(number + 1000);
                        break;
                    case 5:
                        isFrontAsleep &= !back.Publish();
                        unread = answered.Count;
                        break;
                    case 6 when front.TryTake(out Wide response):
                        Assert.Equal(Wide.Of(answered.Dequeue()), response);
                        unread--;
                        break;
                    case 7:
                        isBackAsleep = !back.FinalCheck();
                        isFrontAsleep = !front.FinalCheck();
                        break;
                }

                Assert.Equal(taken.Count, back.Outstanding);
                Assert.True(!isBackAsleep || untaken == 0, $"the back end sleeps, and there are {untaken} requests");
                Assert.True(!isFrontAsleep || unread == 0, $"the front end sleeps, and there are {unread} responses");
            }

            // The steps at the end have brought everything across.
            Assert.Equal((0, 0), (requested.Count + taken.Count + answered.Count, front.Outstanding));
        });

    /// <summary>The front end publishes a request just before one of the back end's accesses to the ring, whichever it is.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_request_that_comes_during_the_final_check_is_found_by_it_or_announced(int access)
    {
        HookedPage page = new();
        FrontRing<ulong, ulong> front = new([page.Page]);
        BackRing<ulong, ulong> back = new([page]);

        // After this the back end has asked for no event.
        front.Put(1);
        front.Publish();
        Assert.True(back.TryTake(out _));
        bool isAnnounced = false;
        page.Before(access, () =>
        {
            front.Put(2);
            isAnnounced = front.Publish();
        });

        Assert.True(back.FinalCheck() || isAnnounced, "the back end sleeps, and there is a request");
        Assert.True(page.IsDone, "the check accesses the ring less often");
    }

    /// <summary>The front end looks for a response, and sleeps if there is none, just before one of the back end's accesses.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_response_that_is_published_while_the_front_end_falls_asleep_is_found_by_it_or_announced(int access)
    {
        HookedPage page = new();
        FrontRing<ulong, ulong> front = new([page.Page]);
        BackRing<ulong, ulong> back = new([page]);
        front.Put(1);
        front.Put(2);
        front.Publish();
        Assert.True(back.TryTake(out _) && back.TryTake(out _));
        back.Put(1);
        back.Publish();
        Assert.True(front.TryTake(out _));
        back.Put(2);
        bool isFound = false;
        page.Before(access, () => isFound = front.FinalCheck());

        Assert.True(back.Publish() || isFound, "the front end sleeps, and there is a response");
        Assert.True(page.IsDone, "a publication accesses the ring less often");
    }

    [Fact]
    public void The_front_end_is_notified_once_when_it_waits_and_not_while_it_is_awake()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back, _) = Pair();
        Request(front, back, 4);
        Assert.False(back.Publish());
        Assert.False(front.FinalCheck());
        back.Put(1);
        back.Put(2);
        Assert.True(back.Publish());
        Assert.False(back.Publish());
        back.Put(3);
        Assert.False(back.Publish());
        Assert.True(front.FinalCheck());
        while (front.TryTake(out _))
        {
        }

        Assert.False(front.FinalCheck());
        back.Put(4);
        Assert.True(back.Publish());
    }

    [Fact]
    public void The_final_check_sees_what_came_before_it_and_asks_for_an_event_at_the_next()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back, _) = Pair();
        front.Put(1);
        Assert.True(front.Publish());
        Assert.True(back.FinalCheck());
        Assert.True(back.TryTake(out _));

        // The back end has asked for no event since the first one.
        front.Put(2);
        Assert.False(front.Publish());
        Assert.True(back.FinalCheck());
        Assert.True(back.TryTake(out _));
        Assert.False(back.FinalCheck());
        front.Put(3);
        Assert.True(front.Publish());
    }

    [Fact]
    public void There_is_no_response_without_a_request()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back, _) = Pair();
        Assert.Throws<InvalidOperationException>(() => back.Put(1));
        Request(front, back, 1);
        back.Put(1);
        Assert.Throws<InvalidOperationException>(() => back.Put(2));
    }

    /// <summary>Three requests were taken and one of them is answered; the ring has 256 entries.</summary>
    [Theory]
    [InlineData(3u, false)]
    [InlineData(4u, false)]
    [InlineData(257u, false)]
    [InlineData(258u, true)]
    [InlineData(2u, true)]
    [InlineData(0u, true)]
    [InlineData(0x8000_0003u, true)]
    [InlineData(uint.MaxValue, true)]
    public void A_request_count_beyond_the_ring_or_behind_what_was_taken_breaks_the_ring(uint producer, bool isBroken)
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back, TestPage page) = Pair();
        Request(front, back, 3);
        back.Put(1);
        Word(page, RingPages.RequestProducer) = producer;
        foreach (Action look in (Action[])[() => back.FinalCheck(), () => back.TryTake(out _)])
        {
            if (isBroken)
            {
                Assert.Throws<BrokenRingException>(look);
            }
            else
            {
                look();
            }
        }
    }

    /// <summary>Whoever waits for what was counted would wait for ever.</summary>
    [Fact]
    public void Requests_that_were_counted_cannot_be_taken_back()
    {
        (FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back, TestPage page) = Pair();
        for (ulong i = 0; i < 3; i++)
        {
            front.Put(i);
        }

        front.Publish();
        Assert.Equal(3, back.CountWaiting());
        Assert.Equal(3, back.CountWaiting());
        Word(page, RingPages.RequestProducer) = 2;
        Assert.Throws<BrokenRingException>(() => back.CountWaiting());
    }

    [Fact]
    public void What_the_front_end_writes_over_the_back_ends_indexes_and_entries_changes_nothing_of_what_it_knows()
    {
        (_, BackRing<ulong, ulong> back, TestPage page) = Pair();
        Random random = new(5);
        for (uint i = 0; i < 1000; i++)
        {
            random.NextBytes(page.Bytes);
            Word(page, RingPages.RequestProducer) = i + 1;
            Assert.True(back.TryTake(out _));
            Assert.False(back.TryTake(out _));
            Assert.Equal(1, back.Outstanding);
            back.Put(7);
            back.Publish();
            Assert.Equal(i + 1, Word(page, RingPages.ResponseProducer));
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(70u)]
    [InlineData(uint.MaxValue - 3)]
    public void A_ring_with_answered_requests_is_joined_behind_them(uint answered)
    {
        TestPage page = (TestPage)Allocate(1)[0];
        Word(page, RingPages.ResponseProducer) = answered;
        Word(page, RingPages.RequestProducer) = answered + 2;
        BackRing<ulong, ulong> back = new([page]);
        Assert.True(back.TryTake(out _) && back.TryTake(out _));
        Assert.False(back.TryTake(out _));
        back.Put(1);
        back.Publish();
        Assert.Equal(answered + 1, Word(page, RingPages.ResponseProducer));
    }

    internal static ref uint Word(TestPage page, int offset) => ref Unsafe.As<byte, uint>(ref page.Bytes[offset]);

    private static void Request(FrontRing<ulong, ulong> front, BackRing<ulong, ulong> back, int count)
    {
        for (int i = 0; i < count; i++)
        {
            front.Put((ulong)i);
        }

        front.Publish();
        for (int i = 0; i < count; i++)
        {
            Assert.True(back.TryTake(out _));
        }
    }

    private static (FrontRing<ulong, ulong> Front, BackRing<ulong, ulong> Back, TestPage Page) Pair()
    {
        IPage[] memory = Allocate(1);
        FrontRing<ulong, ulong> front = new(Shared(memory));
        return (front, new BackRing<ulong, ulong>(memory), (TestPage)memory[0]);
    }

    private static IPage[] Allocate(int pages)
    {
        TestMachine machine = new();
        return [.. Enumerable.Range(0, pages).Select(_ => machine.Allocate())];
    }

    private static ISharedPage[] Shared(IPage[] pages) => [.. pages.Cast<ISharedPage>()];

    /// <summary>The back end's view of a page: something else happens just before one of its accesses.</summary>
    private sealed class HookedPage : IPage
    {
        private Action? _action;
        private int _after;

        public ISharedPage Page { get; } = new TestMachine().Allocate();

        public bool IsDone => _action is null;

        public Span<byte> Span
        {
            get
            {
                if (_action is { } action && --_after == 0)
                {
                    _action = null;
                    action();
                }

                return Page.Span;
            }
        }

        public Memory<byte> Memory => Page.Memory;

        public void Before(int access, Action action) => (_after, _action) = (access, action);
    }

    /// <summary>An entry whose size is no power of two.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Wide(uint First, ulong Second, ulong Third, ulong Fourth, ulong Fifth, uint Last)
    {
        public static Wide Of(uint number) => new(number, number * 3ul, number * 5ul, number * 7ul, number * 11ul, ~number);
    }
}
