using System.Runtime.InteropServices;
using Xenlet.Kernel.Tests;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// A program of four threads that makes any system calls of files, pipes, epoll, time, futexes and random numbers: each returns, waits
/// and wakes as <see cref="DescriptorModel"/> and a list of who waits for what say, and no memory is lost.
/// </summary>
internal static class SystemCallSequences
{
    public static byte[][] Tokens { get; } =
    [
        [5, 0], [5, 1], [0, 3, 3], [1, 4, 2], [1, 4, 5], [0, 3, 5], [2, 3], [2, 4], [6], [7, 5, 1, 3, 1], [8, 5, 4, 0], [9, 1, 3, 1, 0],
        [10, 0], [10, 1, 0], [0, 3, 10, 0], [11, 0, 0, 0], [12, 0, 1], [13], [14, 2], [3, 3], [4, 3, 9], [15, 3], [16, 4],
        [10, 4], [17, 3, 2, 0], [18, 3, 5, 1],
    ];

    public static void Run(byte[] input)
    {
        SystemCallStory story = new(new Script(input));
        while (!story.IsOver)
        {
            story.Step();
        }

        story.End();
    }
}

/// <summary>The story that an input tells.</summary>
internal sealed unsafe class SystemCallStory : NucleusTest
{
    private const ulong Frames = 400;
    private const int Threads = 4;
    private const int MostSteps = 200;
    private const byte Guard = 0xA5;
    private const int GuardSize = 8;
    private const ulong Unmapped = 0x1000;

    /// <summary>Where every thread of <see cref="NucleusTest"/> is.</summary>
    private const ulong ProgramStart = 0x40_0000;

    /// <summary>Bytes of the instruction SYSCALL.</summary>
    private const ulong SystemCallSize = 2;

    // Each thread has its own memory, so that no call is disturbed by what another is given.
    private const ulong DataPages = 12;
    private const ulong PagesOfThread = DataPages + 1;
    private const ulong EntriesOffset = DataPages * 4096;
    private const ulong TimeOffset = EntriesOffset + 1024;
    private const ulong PathOffset = EntriesOffset + 2048;
    private const ulong ActionOffset = EntriesOffset + 3072;

    private static readonly int[] Sizes = [0, 1, 7, 100, 1000, 4095, 4096, 4097, 5000, 9000, 20_000, 40_000];
    private static readonly int[] OddNumbers = [-1, -1, int.MinValue, int.MaxValue, 64, 65, 1000, 24, 30, 40, 50, 60, 61, 62, 63, 32_767];
    private static readonly ulong[] Times = [0, 1_000_000, 5_000_000, 20_000_000];

    private static readonly (string Path, FileKind Kind)[] Paths =
    [
        ("/dev/null\0", FileKind.Null), ("/dev/urandom\0", FileKind.Random), ("/\0", FileKind.Directory),
        ("/etc/passwd\0", FileKind.Regular),
        ("/etc/hosts\0", FileKind.Regular), ("/etc/nsswitch.conf\0", FileKind.Regular),
    ];

    private static readonly long[] Offsets = [0, 1, 7, 18, 19, 20, 60, -1, -7, -100, int.MaxValue, long.MaxValue, long.MinValue];

    private readonly Script _script;
    private readonly DescriptorModel _files;
    private readonly Dictionary<int, Waiting> _waits = [];
    private readonly List<(int Thread, int Word)> _futexes = [];

    // Calls that the nucleus makes in parts: the thread makes the same call again.
    private readonly Dictionary<int, (int Number, ulong[] Arguments, Func<Outcome> Look)> _parts = [];

    private readonly Dictionary<int, Outcome> _ended = [];
    private readonly Dictionary<int, Func<Outcome>> _looks = [];
    private readonly ulong _memory;
    private readonly ulong _words;
    private readonly ulong _others;
    private int _steps;
    private int _waitsBegun;
    private byte _next;

    // Threads that a change has woken, in order: each makes its call again when the one that made the change is over.
    private readonly Queue<(int Thread, Waiting Wait)> _woken = [];

    public SystemCallStory(Script script)
        : base(Frames)
    {
        _script = script;
        _files = new DescriptorModel(WakeWaiting);
        for (int i = 1; i < Threads; i++)
        {
            Spawn();
        }

        _words = Allocate(1);
        _memory = (ulong)MemoryCalls.Map(0, Threads * PagesOfThread * Pages.Size, 3, 0x22, -1);

        // As in .NET: a write to a pipe without a reader is an error, and does not end the program.
        sigaction ignore = new() { sa_handler = SignalAction.SIG_IGN };
        Put(Mine(ActionOffset), MemoryMarshal.AsBytes(new ReadOnlySpan<sigaction>(in ignore)));
        Assert.Equal(0, Call(SystemCallNumber.RtSigaction, SignalNumber.SIGPIPE, Mine(ActionOffset), 0, 8));
        _ = AssertFramesAccountedFor(out _others);
    }

    public bool IsOver => _script.AtEnd || _steps >= MostSteps;

    private static int CurrentId => Current->Id;

    /// <summary>The running thread makes a call, or time passes.</summary>
    public void Step()
    {
        _steps++;
        int action = _script.Below(19);
        if (CurrentId == 0)
        {
            // All threads wait: time passes.
            LetTimePass();
        }
        else if (_parts.Remove(CurrentId, out (int Number, ulong[] Arguments, Func<Outcome> Look) rest))
        {
            // The processor makes the call again, unless the time slice ends before that.
            if (action == 15)
            {
                _parts[CurrentId] = rest;
                LetTimePass();
            }
            else
            {
                Make(rest.Number, rest.Look, rest.Arguments);
            }
        }
        else
        {
            Act(action);
        }

        Assert.True(CurrentId == 0 ? _waits.Count == Threads : !_waits.ContainsKey(CurrentId), $"thread {CurrentId} runs, which waits");
    }

    /// <summary>All descriptors are closed, and all frames are back.</summary>
    public void End()
    {
        foreach (int number in _files.Numbers)
        {
            Assert.True(FileTable.IsOpen(number), $"descriptor {number} is closed");
            Assert.Equal(_files.Close(number), FileTable.Close(null, number));
        }

        _ = AssertFramesAccountedFor(out ulong others);
        Assert.Equal(_others, others);
    }

    private void Act(int action)
    {
        switch (action)
        {
            case 0:
                Read();
                break;
            case 1:
                Write();
                break;
            case 2:
                int closed = Number();
                Make(SystemCallNumber.Close, () => new(_files.Close(closed)), (ulong)closed);
                break;
            case 3:
                int copied = Number();
                Make(SystemCallNumber.Dup, () => new(_files.Duplicate(copied, 0)), (ulong)copied);
                break;
            case 4:
                (copied, int target) = (Number(), Number());
                Make(SystemCallNumber.Dup3, () => new(_files.DuplicateTo(copied, target)), (ulong)copied, (ulong)target);
                break;
            case 5:
                MakePipe();
                break;
            case 6:
                Make(SystemCallNumber.EpollCreate1, () => new(_files.OpenSet()));
                break;
            case 7:
                ControlSet();
                break;
            case 8:
                WaitForSet();
                break;
            case 9:
                Poll();
                break;
            case 10:
                (string path, FileKind kind) = Paths[_script.Below(Paths.Length)];
                Put(Mine(PathOffset), System.Text.Encoding.ASCII.GetBytes(path));
                uint flags = kind is FileKind.Null or FileKind.Random ? (uint)_script.Below(2) * DescriptorModel.NonBlocking : 0;
                Make(SystemCallNumber.Open, () => new(Open(path, kind, flags)), Mine(PathOffset), flags);
                break;
            case 11:
                Control();
                break;
            case 12:
                Futex();
                break;
            case 13:
                Make(SystemCallNumber.SchedYield, () => new(0));
                break;
            case 14:
                Sleep();
                break;
            case 15:
                LetTimePass();
                break;
            case 17:
                (int sought, long offset, int origin) = (Number(), Offsets[_script.Below(Offsets.Length)], _script.Below(4));
                Make(
                    SystemCallNumber.Lseek, () => new(_files.Seek(sought, offset, origin)), (ulong)sought, (ulong)offset, (ulong)origin);
                break;
            case 18:
                ReadAt();
                break;
            default:
                int count = Sizes[_script.Below(Sizes.Length)];
                Make(SystemCallNumber.Getrandom, () => new(count) { IsRandom = true, Buffer = Mine(0) }, Buffer(count), (ulong)count);
                break;
        }
    }

    private void Read()
    {
        int number = Number();
        int count = Sizes[_script.Below(Sizes.Length)];
        bool isBuffer = IsBuffer();
        ulong address = isBuffer ? Buffer(count) : Unmapped;
        Make(SystemCallNumber.Read, Look, (ulong)number, address, (ulong)count);

        Outcome Look()
        {
            bool isRandom = _files.At(number) is { Kind: FileKind.Random };
            long result = _files.Read(number, count, isBuffer, out byte[] bytes);
            return result == -Errno.EAGAIN && IsBlocking(number)
                ? Outcome.Waits(WaitKind.FileRead, _files.ThingsOf(number))
                : new(result) { Buffer = isBuffer && result >= 0 ? address : 0, Bytes = bytes, IsRandom = isRandom && result > 0 };
        }
    }

    private long Open(string path, FileKind kind, uint flags)
    {
        long number = _files.Open(kind, flags);
        if (number >= 0 && kind == FileKind.Regular)
        {
            // The texts of /etc are the image's.
            Put(Mine(PathOffset), System.Text.Encoding.ASCII.GetBytes(path));
            Assert.Equal(0, PathWalk.FindNode(PathWalk.AT_FDCWD, Mine(PathOffset), follows: true, out FileNode* node));
            _files.At((int)number)!.Content = new ReadOnlySpan<byte>(node->Content, (int)node->Length).ToArray();
        }

        return number;
    }

    private void ReadAt()
    {
        int number = Number();
        int count = Sizes[_script.Below(Sizes.Length)];
        long position = Offsets[_script.Below(Offsets.Length)];
        bool isBuffer = IsBuffer();
        ulong address = isBuffer ? Buffer(count) : Unmapped;
        Make(SystemCallNumber.Pread64, Look, (ulong)number, address, (ulong)count, (ulong)position);

        Outcome Look()
        {
            long result = _files.ReadAt(number, count, isBuffer, position, out byte[] bytes);
            return new(result) { Buffer = isBuffer && result >= 0 ? address : 0, Bytes = bytes };
        }
    }

    private void Write()
    {
        int number = Number();
        byte[] bytes = new byte[Sizes[_script.Below(Sizes.Length)]];
        bool isBuffer = IsBuffer();
        DescriptorModel.File? file = _files.At(number);
        if (file is { Kind: FileKind.Console } && bytes.Length > 100)
        {
            // It takes its time; what it takes at once is another test's.
            return;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(_next + (i / 3));
        }

        _next += 41;
        if (isBuffer)
        {
            Put(Mine(0), bytes);
        }

        int done = 0;
        Make(SystemCallNumber.Write, Look, (ulong)number, isBuffer ? Mine(0) : Unmapped, (ulong)bytes.Length);

        Outcome Look()
        {
            while (true)
            {
                long result = _files.Write(number, bytes.AsSpan(done), isBuffer);
                if (result == -Errno.EAGAIN && IsBlocking(number))
                {
                    return Outcome.Waits(WaitKind.FileWrite, _files.ThingsOf(number));
                }

                if (result < 0)
                {
                    return new(done > 0 ? done : result);
                }

                done += (int)result;
                if (done == bytes.Length)
                {
                    return new(done);
                }
            }
        }
    }

    private void MakePipe()
    {
        uint flags = (uint)_script.Below(2) * DescriptorModel.NonBlocking;
        ulong address = Buffer(2 * sizeof(int));
        Make(SystemCallNumber.Pipe2, Look, address, flags);

        Outcome Look()
        {
            long result = _files.OpenPipe(flags, out int reader, out int writer);
            byte[] ends = [.. BitConverter.GetBytes(reader), .. BitConverter.GetBytes(writer)];
            return new(result) { Buffer = address, Bytes = result == 0 ? ends : [] };
        }
    }

    private void ControlSet()
    {
        (int number, int operation, int watched) = (Number(), _script.Below(5), Number());
        (uint events, ulong data) = (_script.Byte() | ((uint)_script.Below(4) << 30), (ulong)_steps << 40);
        bool isBuffer = IsBuffer();
        Put(Mine(EntriesOffset), [.. BitConverter.GetBytes(events), .. BitConverter.GetBytes(data)]);
        Make(
            SystemCallNumber.EpollCtl,
            () => new(_files.ControlSet(number, operation, watched, isBuffer, events, data)),
            (ulong)number, (ulong)operation, (ulong)watched, isBuffer ? Mine(EntriesOffset) : Unmapped);
    }

    private void WaitForSet()
    {
        (int number, int most) = (Number(), _script.Below(20));
        int milliseconds = Milliseconds(out ulong deadline);
        ulong address = Buffer(20 * 12);
        Make(SystemCallNumber.EpollWait, Look, (ulong)number, address, (ulong)most, (ulong)milliseconds);

        Outcome Look()
        {
            long result = _files.TakeEvents(number, most, out (uint Events, ulong Data)[] events);
            byte[] bytes =
            [
                .. events.SelectMany(happened =>
                    (byte[])[.. BitConverter.GetBytes(happened.Events), .. BitConverter.GetBytes(happened.Data)]),
            ];
            return result == 0 && milliseconds != 0
                ? Outcome.Waits(WaitKind.EventPoll, _files.ThingsOfSet(number), deadline)
                : new(result) { Buffer = address, Bytes = bytes };
        }
    }

    private void Poll()
    {
        (int Number, short Wanted)[] entries = [.. Enumerable.Range(0, _script.Below(4)).Select(_ => (Number(), (short)_script.Byte()))];
        int milliseconds = Milliseconds(out ulong deadline);
        ulong address = Mine(EntriesOffset);
        Put(address, Bytes(_ => 0x7777));
        Make(SystemCallNumber.Poll, Look, address, (ulong)entries.Length, (ulong)milliseconds);

        Outcome Look()
        {
            short[] states = [.. entries.Select(entry => entry.Number < 0 ? (short)0 : _files.State(entry.Number, entry.Wanted))];
            long ready = states.Count(state => state != 0);
            return ready == 0 && milliseconds != 0
                ? Outcome.Waits(WaitKind.Poll, entries.SelectMany(entry => _files.ThingsOf(entry.Number)), deadline)
                : new(ready) { Buffer = address, Bytes = Bytes(i => states[i]), HasGuard = false };
        }

        byte[] Bytes(Func<int, short> returned) =>
        [
            .. entries.SelectMany((entry, i) => (byte[])
                [.. BitConverter.GetBytes(entry.Number), .. BitConverter.GetBytes(entry.Wanted), .. BitConverter.GetBytes(returned(i))]),
        ];
    }

    private void Control()
    {
        // fcntl.h: F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, and one that there is not.
        int number = Number();
        int command = ((int[])[0, 1, 2, 3, 4, 1030, 99])[_script.Below(7)];
        uint argument = command == 4 ? (uint)_script.Below(2) * DescriptorModel.NonBlocking : (uint)_script.Below(70);
        Make(SystemCallNumber.Fcntl, Look, (ulong)number, (ulong)command, argument);

        Outcome Look()
        {
            if (_files.At(number) is not { } file)
            {
                return new(-Errno.EBADF);
            }

            switch (command)
            {
                case 0 or 1030:
                    return new(argument < DescriptorModel.Capacity ? _files.Duplicate(number, (int)argument) : -Errno.EINVAL);
                case 1:
                    return new(1);
                case 2:
                    return new(0);
                case 3:
                    return new(file.Flags);
                case 4:
                    file.Flags = (file.Flags & ~DescriptorModel.NonBlocking) | argument;
                    return new(0);
                default:
                    return new(-Errno.EINVAL);
            }
        }
    }

    private void Futex()
    {
        int word = _script.Below(2);
        ulong address = _words + ((ulong)word * 4);
        int operation = _script.Below(4);
        if (operation == 0)
        {
            // No call: the program stores.
            *(uint*)address = _script.Byte();
        }
        else if (operation == 1)
        {
            int most = _script.Below(4);
            Make(SystemCallNumber.Futex, () => new(WakeFutex(word, most)), address, 129, (ulong)most);
        }
        else
        {
            uint expected = _script.Byte();
            ulong time = operation == 2 ? 0 : PutTime(out _);
            ulong deadline = operation == 2 ? ulong.MaxValue : Now + ((ulong*)time)[1];
            int thread = CurrentId;
            Make(SystemCallNumber.Futex, Look, address, 128, expected, time);

            Outcome Look()
            {
                if (*(uint*)address != expected)
                {
                    return new(-Errno.EAGAIN);
                }

                _futexes.Add((thread, word));
                return Outcome.Waits(WaitKind.Futex, [], deadline);
            }
        }
    }

    private long WakeFutex(int word, int most)
    {
        (int Thread, int Word)[] woken = [.. _futexes.Where(waiter => waiter.Word == word).Take(most)];
        foreach ((int thread, _) in woken)
        {
            _futexes.RemoveAll(waiter => waiter.Thread == thread);
            Finish(thread, new(0));
        }

        return woken.Length;
    }

    private void Sleep()
    {
        ulong time = PutTime(out ulong length);
        Make(SystemCallNumber.Nanosleep, () => Outcome.Waits(WaitKind.Sleep, [], Now + length), time, 0);
    }

    private void LetTimePass()
    {
        ulong now = Now + Times[_script.Below(Times.Length)];
        WakeExpired(now);
        _ = TimerInterrupt(now);
        CheckThreads();
    }

    /// <summary>Makes a call as the running thread, and compares its result and the state of all waiting threads.</summary>
    private void Make(int number, Func<Outcome> look, params ulong[] arguments)
    {
        int id = CurrentId;
        _looks[id] = look;
        Thread* caller = Current;
        ulong next = caller->Frame.Rip;
        Outcome expected = look();
        if (expected.Wait != WaitKind.None)
        {
            Wait(id, expected, look);
        }

        LookAgain();

        _ = Enter(number, arguments);
        if (caller->Frame.Rip != next)
        {
            Assert.True(expected.IsRandom && caller->Frame.Rip == next - SystemCallSize, $"call {number} goes on at {caller->Frame.Rip:x}");
            caller->Frame.Rip = next;

            // The call keeps the file that it began with.
            _parts[id] = (number, arguments, () => expected);
        }
        else if (expected.Wait == WaitKind.None)
        {
            _ended[id] = expected;
        }

        WakeExpired(Now);
        CheckThreads();
    }

    private bool IsBlocking(int number) => _files.At(number) is { } file && (file.Flags & DescriptorModel.NonBlocking) == 0;

    private void Wait(int thread, Outcome expected, Func<Outcome> look) =>
        _waits[thread] = new Waiting(expected.Wait, expected.Deadline, look, expected.Things, _waitsBegun++);

    /// <summary>A thing changed: all that wait for it are woken, the longest waiting first.</summary>
    private void WakeWaiting(object thing)
    {
        foreach ((int thread,
            Waiting wait) in _waits.Where(pair => pair.Value.Things.Contains(thing)).OrderBy(pair => pair.Value.Order).ToArray())
        {
            _waits.Remove(thread);
            _woken.Enqueue((thread, wait));
        }
    }

    /// <summary>
    /// Those that were woken make their calls again, which may wake others; who still has to wait does so behind the others.
    /// </summary>
    private void LookAgain()
    {
        while (_woken.TryDequeue(out (int Thread, Waiting Wait) woken))
        {
            Outcome found = woken.Wait.Look();
            if (found.Wait == WaitKind.None)
            {
                _ended[woken.Thread] = found;
            }
            else
            {
                Wait(woken.Thread, found, woken.Wait.Look);
            }
        }
    }

    private void WakeExpired(ulong now)
    {
        foreach ((int thread, Waiting wait) in _waits.ToArray())
        {
            if (wait.Deadline <= now)
            {
                _futexes.RemoveAll(waiter => waiter.Thread == thread);
                Finish(thread, new(wait.Kind == WaitKind.Futex ? -Errno.ETIMEDOUT : 0));
            }
        }
    }

    private void Finish(int thread, Outcome outcome)
    {
        _waits.Remove(thread);
        _ended[thread] = outcome;
    }

    /// <summary>Each thread waits or not as it should, and each call that has ended has returned what it should.</summary>
    private void CheckThreads()
    {
        for (int id = 1; id <= Threads; id++)
        {
            Thread* thread = ThreadTable.Find(id);
            bool waits = _waits.ContainsKey(id);
            Assert.True(
                waits == (thread->State == ThreadState.Blocked),
                $"step {_steps}: thread {id} {(waits ? "should wait" : "waits, and should not")}: call {thread->Frame.Vector}");
        }

        foreach ((int id, Outcome expected) in _ended)
        {
            Frame* frame = &ThreadTable.Find(id)->Frame;
            if (expected.IsRandom && frame->Rip == ProgramStart - SystemCallSize)
            {
                // It was woken, and reads random numbers now: in parts, as whoever begins to.
                frame->Rip = ProgramStart;
                _parts[id] = ((int)frame->Vector, [frame->Rdi, frame->Rsi, frame->Rdx], () => expected);
                continue;
            }

            Assert.True(
                expected.Result == (long)frame->Rax,
                $"step {_steps}: call {frame->Vector} of thread {id} returned {(long)frame->Rax}, not {expected.Result}");
            Check(expected);
        }

        _ended.Clear();
    }

    private static void Check(Outcome expected)
    {
        if (expected.Buffer == 0)
        {
            return;
        }

        int length = (int)Math.Max(expected.Result, expected.Bytes.Length);
        ReadOnlySpan<byte> memory = new((void*)expected.Buffer, length + GuardSize);
        if (expected.IsRandom)
        {
            // Sixteen unchanged bytes cannot be chance.
            Assert.True(length < 16 || memory[(length - 16)..length].IndexOfAnyExcept(Guard) >= 0, $"{length} random bytes are none");
        }
        else
        {
            Assert.True(memory[..expected.Bytes.Length].SequenceEqual(expected.Bytes), "a call gave other bytes than it should");
            memory = memory[expected.Bytes.Length..];
        }

        Assert.True(!expected.HasGuard || memory[^GuardSize..].IndexOfAnyExcept(Guard) < 0, "a call wrote more than it gave");
    }

    /// <summary>Mostly a descriptor that there may be, at times one of the last, or none.</summary>
    private int Number()
    {
        byte number = _script.Byte();
        return number < 240 ? number % 24 : OddNumbers[number - 240];
    }

    private bool IsBuffer() => _script.Below(16) != 15;

    private int Milliseconds(out ulong deadline)
    {
        int milliseconds = ((int[])[0, -1, 1, 5])[_script.Below(4)];
        deadline = milliseconds < 0 ? ulong.MaxValue : Now + ((ulong)milliseconds * 1_000_000);
        return milliseconds;
    }

    private ulong PutTime(out ulong length)
    {
        length = Times[_script.Below(Times.Length)];
        Put(Mine(TimeOffset), [.. BitConverter.GetBytes(0UL), .. BitConverter.GetBytes(length)]);
        return Mine(TimeOffset);
    }

    /// <summary>The running thread's own memory.</summary>
    private ulong Mine(ulong offset) => _memory + ((ulong)(CurrentId - 1) * PagesOfThread * Pages.Size) + offset;

    /// <summary>A buffer of the running thread, full of guards, and some behind its end.</summary>
    private ulong Buffer(int count)
    {
        ulong address = Mine(0);
        Assert.Equal(0, ProgramMemory.PrepareWrite(address, (ulong)(count + GuardSize)));
        new Span<byte>((void*)address, count + GuardSize).Fill(Guard);
        return address;
    }

    private static void Put(ulong address, ReadOnlySpan<byte> bytes)
    {
        Assert.Equal(0, ProgramMemory.PrepareWrite(address, (ulong)bytes.Length));
        bytes.CopyTo(new Span<byte>((void*)address, bytes.Length));
    }

    /// <summary>What a call should do: wait, or return this and leave these bytes.</summary>
    private sealed record Outcome(long Result)
    {
        public WaitKind Wait { get; private init; }

        public ulong Deadline { get; private init; }

        public ulong Buffer { get; init; }

        public byte[] Bytes { get; init; } = [];

        public bool IsRandom { get; init; }

        public bool HasGuard { get; init; } = true;

        /// <summary>What is waited for, where that can change.</summary>
        public IReadOnlyList<object> Things { get; private init; } = [];

        public static Outcome Waits(WaitKind kind, IEnumerable<object> things, ulong deadline = ulong.MaxValue) =>
            new(0) { Wait = kind, Deadline = deadline, Things = [.. things] };
    }

    private sealed record Waiting(WaitKind Kind, ulong Deadline, Func<Outcome> Look, IReadOnlyList<object> Things, int Order);
}
