using CsCheck;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>Pipes, and what waits for them: readers, writers, poll, epoll.</summary>
public sealed unsafe class PipeTests : NucleusTest
{
    private const ulong NonBlocking = 0x800;
    private const short In = 1;
    private const short Out = 4;
    private const short Error = 8;
    private const short HangUp = 16;
    private const short Invalid = 32;

    private readonly Thread* _first;
    private readonly ulong _buffer;

    public PipeTests()
    {
        _first = Current;
        _buffer = Allocate(4);
        Spawn();
    }

    [Fact]
    public void What_is_written_is_read_in_order_through_a_circle()
    {
        (ulong reader, ulong writer) = Pipe(NonBlocking);
        Queue<byte> model = [];
        byte next = 0;
        Gen.Select(Gen.Bool, Gen.Int[0, 5000]).Array[1, 60].Sample(
            steps =>
            {
                foreach ((bool write, int count) in steps)
                {
                    if (write)
                    {
                        for (int i = 0; i < count; i++)
                        {
                            *(byte*)(_buffer + (ulong)i) = (byte)(next + i);
                        }

                        int room = 4096 - model.Count;

                        // PIPE_BUF: up to 4096 bytes are written whole or not at all. No bytes fit into a full pipe too.
                        bool isRefused = count > 0 && (room == 0 || (count <= 4096 && count > room));
                        long expected = isRefused ? -Errno.EAGAIN : Math.Min(count, room);
                        Assert.Equal(expected, Call(SystemCallNumber.Write, writer, _buffer, (ulong)count));
                        for (long i = 0; i < expected; i++)
                        {
                            model.Enqueue(next++);
                        }
                    }
                    else
                    {
                        long expected = count == 0 ? 0 : model.Count == 0 ? -Errno.EAGAIN : Math.Min(count, model.Count);
                        Assert.Equal(expected, Call(SystemCallNumber.Read, reader, _buffer, (ulong)count));
                        for (long i = 0; i < expected; i++)
                        {
                            Assert.Equal(model.Dequeue(), *(byte*)(_buffer + (ulong)i));
                        }
                    }
                }
            },
            iter: 100,
            threads: 1);
    }

    [Fact]
    public void A_reader_waits_for_bytes_and_reads_once()
    {
        (ulong reader, ulong writer) = Pipe(0);
        Thread* waiting = Park(SystemCallNumber.Read, reader, _buffer, 100);

        // Its read changes the pipe, which wakes waiters: it must not read a second time.
        Assert.True(Enter(SystemCallNumber.Write, writer, Store("one"u8), 3) == &waiting->Frame);

        Assert.Equal(3ul, waiting->Frame.Rax);
        Assert.Equal("one\0"u8.ToArray(), Load(_buffer, 4));
        Assert.Equal(WaitKind.None, waiting->Wait);
    }

    [Fact]
    public void Of_two_readers_one_gets_the_bytes()
    {
        Spawn();
        (ulong reader, ulong writer) = Pipe(0);
        Thread* one = Park(SystemCallNumber.Read, reader, _buffer, 3);
        Thread* two = Park(SystemCallNumber.Read, reader, _buffer + 16, 3);

        _ = Enter(SystemCallNumber.Write, writer, Store("abc"u8), 3);

        Assert.Equal(1, (one->Wait == WaitKind.FileRead ? 1 : 0) + (two->Wait == WaitKind.FileRead ? 1 : 0));
    }

    [Fact]
    public void A_writer_waits_until_all_is_written_and_lets_the_reader_go_on()
    {
        (ulong reader, ulong writer) = Pipe(0);
        ulong text = Allocate(3);
        for (ulong i = 0; i < 10_000; i++)
        {
            *(byte*)(text + i) = (byte)(i * 7 % 251);
        }

        Thread* waiting = Park(SystemCallNumber.Write, writer, text, 10_000);
        List<byte> read = [];
        while (read.Count < 10_000)
        {
            Assert.True(waiting->State == Nucleus.Threads.ThreadState.Blocked || read.Count >= 10_000 - 4096);
            Frame* resumed = Enter(SystemCallNumber.Read, reader, _buffer, 1000);
            Thread* caller = ThreadTable.Find(2);
            long count = (long)caller->Frame.Rax;
            Assert.InRange(count, 1, 1000);
            read.AddRange(Load(_buffer, (int)count));
            if (resumed == &waiting->Frame)
            {
                Assert.Equal(10_000ul, waiting->Frame.Rax);
                Assert.True(Enter(SystemCallNumber.SchedYield) == &caller->Frame);
            }
        }

        Assert.Equal(Load(text, 10_000), read);
        Assert.Equal(WaitKind.None, waiting->Wait);
    }

    /// <summary>A writer that blocked although there is room would never be woken: the reader may wait for the rest next.</summary>
    [Fact]
    public void A_long_write_goes_on_into_the_room_that_a_waiting_reader_has_made()
    {
        (ulong reader, ulong writer) = Pipe(0);
        Thread* waiting = Park(SystemCallNumber.Read, reader, _buffer, 4096);
        Thread* caller = Current;

        _ = Enter(SystemCallNumber.Write, writer, Allocate(2), 4196);

        Assert.Equal((4196ul, 4096ul), (caller->Frame.Rax, waiting->Frame.Rax));
        Assert.Equal((WaitKind.None, WaitKind.None), (caller->Wait, waiting->Wait));
    }

    /// <summary>As on Linux: a write of no bytes does not check the pipe.</summary>
    [Fact]
    public void A_write_of_nothing_neither_waits_for_room_nor_asks_for_a_reader()
    {
        (ulong reader, ulong writer) = Pipe(0);
        Assert.Equal(4096, Call(SystemCallNumber.Write, writer, _buffer, 4096));
        Assert.Equal(0, Call(SystemCallNumber.Write, writer, _buffer, 0));
        Assert.Equal(0, Call(SystemCallNumber.Close, reader));
        Assert.Equal(0, Call(SystemCallNumber.Write, writer, _buffer, 0));
    }

    [Fact]
    public void A_pipe_ends_with_its_last_writer_even_for_a_reader_that_waits()
    {
        (ulong reader, ulong writer) = Pipe(0);
        ulong copy = (ulong)Call(SystemCallNumber.Dup, writer);
        Thread* waiting = Park(SystemCallNumber.Read, reader, _buffer, 100);

        Assert.Equal(0, Call(SystemCallNumber.Close, writer));
        Assert.Equal(WaitKind.FileRead, waiting->Wait);
        Assert.True(Enter(SystemCallNumber.Close, copy) == &waiting->Frame);
        Assert.Equal(0ul, waiting->Frame.Rax);
    }

    [Fact]
    public void Writing_to_nobody_is_EPIPE_and_a_signal()
    {
        (ulong reader, ulong writer) = Pipe(0);
        SignalDelivery.Action(SignalNumber.SIGPIPE)->sa_handler = SignalAction.SIG_IGN;
        Assert.Equal(0, Call(SystemCallNumber.Close, reader));
        Assert.Equal(-Errno.EPIPE, Call(SystemCallNumber.Write, writer, _buffer, 1));

        SignalDelivery.Action(SignalNumber.SIGPIPE)->sa_handler = SignalAction.SIG_DFL;
        Assert.Throws<MachineHaltedException>(() => _ = Enter(SystemCallNumber.Write, writer, _buffer, 1));
    }

    /// <summary>Without room for any of it, and in the middle of a long one.</summary>
    [Theory]
    [InlineData(100ul, -Errno.EPIPE)]
    [InlineData(5000ul, 3096L)]
    public void A_writer_that_waits_learns_that_nobody_will_read(ulong count, long result)
    {
        (ulong reader, ulong writer) = Pipe(0);
        ulong filler = count > 4096 ? 1000ul : 4096;
        Assert.Equal((long)filler, Call(SystemCallNumber.Write, writer, _buffer, filler));
        Thread* waiting = Park(SystemCallNumber.Write, writer, _buffer, count);
        SignalDelivery.Action(SignalNumber.SIGPIPE)->sa_handler = 0x41_0000;
        waiting->Frame.Rsp = _buffer + 0x3000;

        Assert.True(Enter(SystemCallNumber.Close, reader) == &waiting->Frame);

        rt_sigframe* frame = (rt_sigframe*)waiting->Frame.Rsp;
        Assert.Equal(
            (0x41_0000ul, SignalNumber.SIGPIPE, result),
            (waiting->Frame.Rip, frame->info.si_signo, (long)frame->uc.uc_mcontext.ax));
    }

    [Fact]
    public void Ends_do_only_what_they_are_for()
    {
        (ulong reader, ulong writer) = Pipe(0);
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Read, writer, _buffer, 1));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Write, reader, _buffer, 1));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Write, writer, 0x1000, 1));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Pipe2, 0x1000, 0));
        Assert.Equal(1, Call(SystemCallNumber.Fcntl, writer, 3));
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, reader, 3));
    }

    /// <summary>A page of bytes, and one of open files.</summary>
    [Fact]
    public void A_closed_pipe_gives_its_memory_back_and_can_be_had_again()
    {
        ulong free = FrameAllocator.FreeFrames;
        for (int i = 0; i < 40; i++)
        {
            (ulong reader, ulong writer) = Pipe(0);
            Assert.Equal(free - 2, FrameAllocator.FreeFrames);
            Assert.Equal(5, Call(SystemCallNumber.Write, writer, _buffer, 5));
            ulong[] order = i % 2 == 0 ? [reader, writer] : [writer, reader];
            Assert.Equal(0, Call(SystemCallNumber.Close, order[0]));
            Assert.Equal(free - 2, FrameAllocator.FreeFrames);
            Assert.Equal(0, Call(SystemCallNumber.Close, order[1]));
            Assert.Equal(free, FrameAllocator.FreeFrames);
        }

        _ = AssertFramesAccountedFor(out _);
    }

    /// <summary>Sixteen pipes there are, and 32,768 descriptors.</summary>
    [Theory]
    [InlineData(0, 16)]
    [InlineData(32_764, 0)]
    [InlineData(32_765, 0)]
    public void A_pipe_that_cannot_be_made_leaves_nothing(int taken, int pipes)
    {
        for (int i = 0; i < taken; i++)
        {
            Assert.True(Call(SystemCallNumber.Dup, 1) > 0);
        }

        for (int i = 0; i < pipes; i++)
        {
            Pipe(0);
        }

        ulong free = FrameAllocator.FreeFrames;
        Assert.Equal(-Errno.EMFILE, Call(SystemCallNumber.Pipe2, _buffer, 0));
        Assert.Equal(free, FrameAllocator.FreeFrames);
        Assert.Equal(
            taken + (2 * pipes) + 3, Enumerable.Range(0, 32_768).Count(descriptor => Nucleus.Linux.Files.FileTable.IsOpen(descriptor)));
        _ = AssertFramesAccountedFor(out _);
    }

    [Fact]
    public void Poll_tells_what_each_descriptor_is_ready_for()
    {
        (ulong reader, ulong writer) = Pipe(0);
        (short Wanted, short Reader, short Writer)[] empty = [(In, 0, 0), (Out, 0, Out), (In | Out, 0, Out)];
        Assert.All(empty, row => Assert.Equal((row.Reader, row.Writer), (Ready(reader, row.Wanted), Ready(writer, row.Wanted))));

        Assert.Equal(4096, Call(SystemCallNumber.Write, writer, _buffer, 4096));
        Assert.Equal((In, (short)0), (Ready(reader, In | Out), Ready(writer, In | Out)));

        Assert.Equal(0, Call(SystemCallNumber.Close, writer));
        Assert.Equal((short)(In | HangUp), Ready(reader, In));
        Assert.Equal(HangUp, Ready(reader, 0));
        Assert.Equal(Invalid, Ready(writer, In));
        Assert.Equal(Invalid, Ready(1000, In));
        Assert.Equal(0, Ready(ulong.MaxValue, In));

        (reader, writer) = Pipe(0);
        Assert.Equal(0, Call(SystemCallNumber.Close, reader));
        Assert.Equal((short)(Out | Error), Ready(writer, Out));
        Assert.Equal(Out, Ready(1, Out));
        Assert.Equal(0, Ready(0, In));
    }

    [Fact]
    public void Poll_waits_for_the_first_that_is_ready()
    {
        (ulong reader, ulong writer) = Pipe(0);
        (ulong other, _) = Pipe(0);
        ulong entries = Entries((other, In), (reader, In));
        Thread* waiting = Park(SystemCallNumber.Poll, entries, 2, ulong.MaxValue);

        Assert.True(Enter(SystemCallNumber.Write, writer, _buffer, 1) == &waiting->Frame);

        Assert.Equal(1ul, waiting->Frame.Rax);
        Assert.Equal(((short)0, In), (*(short*)(entries + 6), *(short*)(entries + 14)));
    }

    [Theory]
    [InlineData(SystemCallNumber.Poll, 5ul)]
    [InlineData(SystemCallNumber.Ppoll, 0ul)]
    [InlineData(SystemCallNumber.EpollWait, 5ul)]
    public void A_wait_ends_with_nothing_ready_when_its_time_is_over(int call, ulong milliseconds)
    {
        (ulong reader, _) = Pipe(0);
        ulong time = Store([]);
        ((ulong*)time)[1] = 5_000_000;
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, reader, Store([1, 0, 0, 0])));

        Thread* waiting = call switch
        {
            SystemCallNumber.Poll => Park(call, Entries((reader, In)), 1, milliseconds),
            SystemCallNumber.Ppoll => Park(call, Entries((reader, In)), 1, time),
            _ => Park(call, set, _buffer, 4, milliseconds),
        };

        Assert.True(TimerInterrupt(4_999_999) != waiting);
        Assert.True(TimerInterrupt(5_000_000) == waiting);
        Assert.Equal(0ul, waiting->Frame.Rax);
    }

    [Fact]
    public void A_poll_with_no_time_does_not_wait()
    {
        (ulong reader, _) = Pipe(0);
        Assert.Equal(0, Call(SystemCallNumber.Poll, Entries((reader, In)), 1, 0));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Poll, _buffer, 32_769, 0));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Poll, 0x1000, 1, 0));
    }

    /// <summary>struct epoll_event is packed on x86-64: 12 bytes (linux/eventpoll.h).</summary>
    [Fact]
    public void Epoll_tells_events_with_the_programs_data()
    {
        (ulong reader, ulong writer) = Pipe(0);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, reader, Event(In, 0x1122_3344_5566_7788)));
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, writer, Event(Out, 9)));

        Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, _buffer, 8, 0));
        Assert.Equal(((uint)Out, 9ul), (*(uint*)_buffer, *(ulong*)(_buffer + 4)));

        Assert.Equal(4096, Call(SystemCallNumber.Write, writer, _buffer, 4096));
        Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, _buffer, 8, 0));
        Assert.Equal(((uint)In, 0x1122_3344_5566_7788ul), (*(uint*)_buffer, *(ulong*)(_buffer + 4)));

        // Both are ready; the caller has room for one. Level triggered: it is told again, behind the other.
        Assert.Equal(96, Call(SystemCallNumber.Read, reader, _buffer, 96));
        Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, _buffer, 1, 0));
        Assert.Equal(2, Call(SystemCallNumber.EpollWait, set, _buffer, 8, 0));
        Assert.Equal((9ul, 0x1122_3344_5566_7788ul), (*(ulong*)(_buffer + 4), *(ulong*)(_buffer + 16)));
    }

    [Fact]
    public void Epoll_waits_and_wakes()
    {
        (ulong reader, ulong writer) = Pipe(0);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, reader, Event(In, 5)));
        Thread* waiting = Park(SystemCallNumber.EpollWait, set, _buffer, 8, ulong.MaxValue);

        Assert.True(Enter(SystemCallNumber.Write, writer, _buffer + 4096, 1) == &waiting->Frame);

        Assert.Equal(1ul, waiting->Frame.Rax);
        Assert.Equal(5ul, *(ulong*)(_buffer + 4));
    }

    [Fact]
    public void Epoll_checks_its_arguments()
    {
        (ulong reader, ulong writer) = Pipe(0);
        ulong none = (ulong)Call(SystemCallNumber.Open, Store("/dev/null\0"u8), 2);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        ulong change = Event(In, 1);

        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.EpollCtl, set, 3, reader, change));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.EpollCtl, set, 2, reader, 0));
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, reader, change));
        Assert.Equal(-Errno.EEXIST, Call(SystemCallNumber.EpollCtl, set, 1, reader, change));
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 3, reader, change));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.EpollCtl, set, 3, reader, 0x1000));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.EpollCtl, set, 4, reader, change));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.EpollCtl, set, 1, set, change));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.EpollCtl, reader, 1, set, change));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.EpollCtl, set, 1, 50, change));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.EpollCtl, 50, 1, reader, change));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.EpollWait, set, _buffer, 0, 0));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.EpollWait, reader, _buffer, 1, 0));
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.EpollCtl, set, 1, none, change));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.EpollCreate1, 1));
        Assert.Equal(0, Call(SystemCallNumber.EpollWait, set, 0x1000, 1, 0));
        Assert.Equal(1, Call(SystemCallNumber.Write, writer, _buffer, 1));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.EpollWait, set, 0x1000, 1, 0));
        Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, _buffer, 1, 0));
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 2, reader, 0));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Read, set, _buffer, 1));
    }

    [Fact]
    public void A_closed_descriptor_leaves_the_set_and_its_successor_is_another()
    {
        (ulong reader, ulong writer) = Pipe(0);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, writer, Event(Out, 1)));
        Assert.Equal(0, Call(SystemCallNumber.Close, writer));
        Assert.Equal((long)writer, Call(SystemCallNumber.Dup, 1));

        Assert.Equal(0, Call(SystemCallNumber.EpollWait, set, _buffer, 8, 0));
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, writer, Event(Out, 2)));
        _ = reader;
    }

    [Fact]
    public void A_set_lives_as_long_as_a_descriptor_of_it()
    {
        ulong free = FrameAllocator.FreeFrames;
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        ulong copy = (ulong)Call(SystemCallNumber.Dup, set);
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, copy, 1, 1, Event(Out, 3)));
        Assert.Equal(0, Call(SystemCallNumber.Close, set));
        Assert.Equal(1, Call(SystemCallNumber.EpollWait, copy, _buffer, 1, 0));

        Assert.Equal(0, Call(SystemCallNumber.Close, copy));
        ulong fresh = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        Assert.Equal(0, Call(SystemCallNumber.EpollWait, fresh, _buffer, 1, 0));
        Assert.Equal(0, Call(SystemCallNumber.Close, fresh));

        // But for the page with the event.
        Assert.Equal(free - 1, FrameAllocator.FreeFrames);
    }

    private (ulong Reader, ulong Writer) Pipe(ulong flags) => MakePipe(_buffer, flags);

    private static short Ready(ulong descriptor, short wanted)
    {
        ulong entries = Entries((descriptor, wanted));
        long count = Call(SystemCallNumber.Poll, entries, 1, 0);
        short ready = *(short*)(entries + 6);
        Assert.Equal(ready != 0 ? 1 : 0, count);
        return ready;
    }

    /// <summary>struct pollfd: descriptor 0, events 4, revents 6.</summary>
    private static ulong Entries(params (ulong Descriptor, short Events)[] wanted)
    {
        ulong entries = Store([]);
        for (int i = 0; i < wanted.Length; i++)
        {
            ulong entry = entries + ((ulong)i * 8);
            *(int*)entry = (int)wanted[i].Descriptor;
            *(short*)(entry + 4) = wanted[i].Events;
            *(short*)(entry + 6) = 0x7777;
        }

        return entries;
    }

    private static ulong Event(short events, ulong data)
    {
        ulong address = Store([]);
        *(uint*)address = (uint)events;
        *(ulong*)(address + 4) = data;
        return address;
    }
}
