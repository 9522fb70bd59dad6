using CsCheck;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Files;

/// <summary>epoll reports the events that Linux reports, in its order. The Linux that runs the tests says which those are.</summary>
public sealed unsafe class EventPollTests() : NucleusTest(MemoryFrames)
{
    private const ulong MemoryFrames = 4096;

    // linux/eventpoll.h
    private const uint In = 1;
    private const uint Out = 4;
    private const uint EdgeTriggered = 1u << 31;
    private const uint OneShot = 1u << 30;
    private const ulong NonBlocking = 0x800;

    /// <summary>Linux's descriptors are the nucleus's plus this, so that the same numbers are used again.</summary>
    private const int HostOffset = 600;

    private const int Numbers = 40;

    private static readonly uint[] Wanted = [In, Out, In | Out, 0, In | 0x40 | 0x2000, 0x140];

    /// <summary>What happens, as often as it is here: mostly what shows the events of a member that was added.</summary>
    private static readonly Act[] Weighted =
    [
        .. Enum.GetValues<Act>(), Act.Wait, Act.Wait, Act.Wait, Act.Wait, Act.Write, Act.Write, Act.Write, Act.Read, Act.Add, Act.Add,
    ];

    private enum Act
    {
        MakeCounter,
        MakePipe,
        MakeSet,
        Duplicate,
        DuplicateTo,
        Close,
        Write,
        Read,
        Add,
        Change,
        Delete,
        Wait,
        Poll,
    }

    [Fact]
    public void Random_sequences_over_sets_duplicates_and_used_numbers_give_the_events_of_Linux() =>
        Gen.Select(Gen.Int[0, Weighted.Length - 1], Gen.Int[0, 7], Gen.Int[0, 7], Gen.UInt[0, 1023]).Array[20, 150].Sample(
            static steps =>
            {
                Boot(MemoryFrames);
                SignalDelivery.Action(SignalNumber.SIGPIPE)->sa_handler = SignalAction.SIG_IGN;
                Both both = new();
                try
                {
                    // Something to begin with: two sets, a counter, a pipe.
                    Act[] start = [Act.MakeSet, Act.MakeSet, Act.MakeCounter, Act.MakePipe];
                    foreach ((Act act, int one, int other, uint bits) in start.Select(static act => (act, 0, 0, 0u)).Concat(
                        steps.Select(static step => (Weighted[step.Item1], step.Item2, step.Item3, step.Item4))))
                    {
                        // The first two descriptors are sets, until they are closed.
                        bool isOfSet = act is Act.Add or Act.Change or Act.Delete or Act.Wait;
                        both.Step(act, 3 + (isOfSet && (bits & 0x30) != 0 ? one % 2 : one), 3 + other, bits);
                    }
                }
                finally
                {
                    Both.CloseHost();
                }
            },
            iter: 400,
            threads: 1);

    [Fact]
    public void An_edge_is_reported_once_and_again_with_the_next_change()
    {
        ulong counter = (ulong)Call(SystemCallNumber.Eventfd2, 0, NonBlocking);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        ulong buffer = Allocate(1);
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, counter, Event(In | Out | EdgeTriggered, 7)));

        Assert.Equal([Out], Wait(set, buffer));
        Assert.Equal([], Wait(set, buffer));
        Assert.Equal(8, Call(SystemCallNumber.Write, counter, Store([1]), 8));
        Assert.Equal([In | Out], Wait(set, buffer));
        Assert.Equal([], Wait(set, buffer));
        Assert.Equal(8, Call(SystemCallNumber.Write, counter, Store([1]), 8));
        Assert.Equal([In | Out], Wait(set, buffer));
    }

    [Fact]
    public void A_thread_that_waits_for_a_set_of_sets_wakes_for_a_member_of_the_inner_one()
    {
        Spawn();
        ulong counter = (ulong)Call(SystemCallNumber.Eventfd2, 0, 0);
        ulong inner = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        ulong outer = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, inner, 1, counter, Event(In, 1)));
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, outer, 1, inner, Event(In, 2)));
        Assert.Equal(-Errno.ELOOP, Call(SystemCallNumber.EpollCtl, inner, 1, outer, Event(In, 3)));
        Thread* waiting = Park(SystemCallNumber.EpollWait, outer, Allocate(1), 4, ulong.MaxValue);

        Assert.True(Enter(SystemCallNumber.Write, counter, Store([1]), 8) == &waiting->Frame);

        Assert.Equal((1ul, 2ul), (waiting->Frame.Rax, *(ulong*)(waiting->Frame.Rsi + 4)));
    }

    [Fact]
    public void Tens_of_thousands_of_members_cost_a_wait_nothing_and_give_their_memory_back()
    {
        const int members = 20_000;
        ulong change = Event(In | EdgeTriggered, 0);
        ulong one = Store([1]);
        ulong buffer = Allocate(1);
        ulong free = FrameAllocator.FreeFrames;
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        ulong first = (ulong)Call(SystemCallNumber.Eventfd2, 0, 0);
        for (ulong i = 0; i < members; i++)
        {
            ulong number = i == 0 ? first : (ulong)Call(SystemCallNumber.Eventfd2, 0, 0);
            *(ulong*)(change + 4) = number;
            Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, number, change));
        }

        ulong[] written = [first + 19_999, first, first + 777];
        Assert.All(written, number => Assert.Equal(8, Call(SystemCallNumber.Write, number, one, 8)));
        Assert.Equal(3, Call(SystemCallNumber.EpollWait, set, buffer, 100, 0));
        Assert.Equal(written, Enumerable.Range(0, 3).Select(i => *(ulong*)(buffer + (ulong)(i * 12) + 4)));

        for (ulong i = 0; i < members; i++)
        {
            Assert.Equal(0, Call(SystemCallNumber.Close, first + i));
        }

        Assert.Equal(0, Call(SystemCallNumber.Close, set));
        Assert.Equal(free, FrameAllocator.FreeFrames);
    }

    [Fact]
    public void A_counter_adds_up_and_waits()
    {
        Spawn();
        ulong counter = (ulong)Call(SystemCallNumber.Eventfd2, 5, 0);
        ulong buffer = Store([2]);
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Eventfd2, 0, 1));
        Assert.Equal(8, Call(SystemCallNumber.Write, counter, buffer, 8));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Read, counter, buffer, 7));
        Assert.Equal(8, Call(SystemCallNumber.Read, counter, buffer, 8));
        Assert.Equal(7ul, *(ulong*)buffer);
        Thread* waiting = Park(SystemCallNumber.Read, counter, buffer, 8);

        Assert.True(Enter(SystemCallNumber.Write, counter, Store([3]), 8) == &waiting->Frame);

        Assert.Equal((8ul, 3ul), (waiting->Frame.Rax, *(ulong*)buffer));
    }

    private static uint[] Wait(ulong set, ulong buffer)
    {
        long count = Call(SystemCallNumber.EpollWait, set, buffer, 100, 0);
        Assert.True(count >= 0, $"epoll_wait returned {count}");
        return [.. Enumerable.Range(0, (int)count).Select(i => *(uint*)(buffer + (ulong)(i * 12)))];
    }

    private static ulong Event(uint events, ulong data)
    {
        ulong address = Store([]);
        *(uint*)address = events;
        *(ulong*)(address + 4) = data;
        return address;
    }

    /// <summary>The nucleus and the host's Linux, which are given the same calls.</summary>
    private sealed class Both
    {
        private readonly ulong _memory = Allocate(1);

        public void Step(Act act, int one, int other, uint bits)
        {
            long mine;
            switch (act)
            {
                case Act.MakeCounter:
                    MoveHost(Call(SystemCallNumber.Eventfd2, 0, NonBlocking), LinuxCalls.Eventfd(0, (int)NonBlocking));
                    break;
                case Act.MakePipe:
                    mine = Call(SystemCallNumber.Pipe2, _memory, NonBlocking);
                    if (mine == 0)
                    {
                        int* ends = stackalloc int[2];
                        Assert.Equal(0, LinuxCalls.Pipe(ends, (int)NonBlocking));
                        MoveHost(((int*)_memory)[0], ends[0]);
                        MoveHost(((int*)_memory)[1], ends[1]);
                    }

                    break;
                case Act.MakeSet:
                    MoveHost(Call(SystemCallNumber.EpollCreate1, 0), LinuxCalls.EpollCreate(0));
                    break;
                case Act.Duplicate:
                    mine = Call(SystemCallNumber.Dup, (ulong)one);
                    Same(act, mine, mine >= 0 ? LinuxCalls.Duplicate(HostOffset + one, HostOffset + (int)mine, 0) - HostOffset : mine);
                    break;
                case Act.DuplicateTo:
                    mine = Call(SystemCallNumber.Dup3, (ulong)one, (ulong)other, 0);
                    long theirs = Result(LinuxCalls.Duplicate(HostOffset + one, HostOffset + other, 0));
                    Same(act, mine, theirs >= 0 ? theirs - HostOffset : theirs);
                    break;
                case Act.Close:
                    Same(act, Call(SystemCallNumber.Close, (ulong)one), Result(LinuxCalls.Close(HostOffset + one)));
                    break;
                case Act.Write:
                    *(ulong*)_memory = 1;
                    mine = Call(SystemCallNumber.Write, (ulong)one, _memory, 8);
                    Same(act, mine, Result(LinuxCalls.Write(HostOffset + one, (void*)_memory, 8)));
                    break;
                case Act.Read:
                    mine = Call(SystemCallNumber.Read, (ulong)one, _memory, 8);
                    Same(act, mine, Result(LinuxCalls.Read(HostOffset + one, (void*)_memory, 8)));
                    break;
                case Act.Add:
                case Act.Change:
                case Act.Delete:
                    ulong operation = act == Act.Add ? 1u : act == Act.Delete ? 2u : 3u;
                    *(uint*)_memory = Wanted[bits % (uint)Wanted.Length] | (bits & 0x300) << 22;
                    *(ulong*)(_memory + 4) = bits * 1_000_003ul;
                    mine = Call(SystemCallNumber.EpollCtl, (ulong)one, operation, (ulong)other, _memory);
                    if (mine != -Errno.ELOOP)
                    {
                        int set = HostOffset + one;
                        Same(act, mine, Result(LinuxCalls.EpollControl(set, (int)operation, HostOffset + other, (void*)_memory)));
                    }

                    break;
                case Act.Wait:
                    int most = 1 + (int)(bits % 5);
                    mine = Call(SystemCallNumber.EpollWait, (ulong)one, _memory, (ulong)most, 0);
                    byte* events = stackalloc byte[60];
                    Same(act, mine, Result(LinuxCalls.EpollWait(HostOffset + one, events, most, 0)));
                    int length = (int)Math.Max(mine, 0) * 12;
                    Assert.Equal(new Span<byte>(events, length).ToArray(), Load(_memory, length));
                    break;
                default:
                    *(int*)_memory = one;
                    *(int*)(_memory + 4) = (int)(bits & 0x3ff);
                    mine = Call(SystemCallNumber.Poll, _memory, 1, 0);
                    pollfd entry = new() { fd = HostOffset + one, events = (short)(bits & 0x3ff) };
                    Same(act, mine, Result(LinuxCalls.Poll(&entry, 1, 0)));
                    Assert.Equal(entry.revents, ((pollfd*)_memory)->revents);
                    break;
            }
        }

        public static void CloseHost()
        {
            for (int number = 0; number < Numbers + 200; number++)
            {
                _ = LinuxCalls.Close(HostOffset + number);
            }
        }

        private static void MoveHost(long mine, int host)
        {
            Assert.True(mine is >= 3 and < Numbers + 200 && host >= 0, $"descriptors {mine} and {host}");
            Assert.Equal(HostOffset + (int)mine, LinuxCalls.Duplicate(host, HostOffset + (int)mine, 0));
            Assert.Equal(0, LinuxCalls.Close(host));
        }

        private static long Result(long host) => LinuxCalls.Result(host);

        private static void Same(Act act, long mine, long theirs) =>
            Assert.True(mine == theirs, $"{act}: the nucleus returned {mine}, Linux {theirs}");
    }
}
