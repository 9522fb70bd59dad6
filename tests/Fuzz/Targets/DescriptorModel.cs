namespace Xenlet.Fuzz.Targets;

/// <summary>
/// What the descriptors of a program, its pipes and its epoll sets should be. What a call returns here is Linux's, within the nucleus's
/// limits: 32,768 descriptors, 16 pipes of a page, sets of sets but no deeper.
/// </summary>
/// <param name="changed">Called when an object changed for which a thread may wait: the console, a pipe, an epoll set.</param>
internal sealed class DescriptorModel(Action<object> changed)
{
    public const int Capacity = 32_768;
    public const int PipeSize = 4096;
    public const uint NonBlocking = 0x800;

    // asm-generic/poll.h
    private const uint PollIn = 1;
    private const uint PollError = 8;
    private const uint PollHangUp = 16;
    private const short PollInvalid = 32;

    private const int MostPipes = 16;

    // linux/eventpoll.h
    private const uint OneShot = 1 << 30;
    private const uint EdgeTriggered = 1u << 31;
    private const uint Private = 0xFu << 28;
    private const uint Always = 0x18;
    private const uint PollReadNormal = 0x40;
    private const uint PollWriteNormal = 0x100;
    private const uint Readable = 1 | PollReadNormal;
    private const uint Writable = 4 | PollWriteNormal;

    // The console is 0, 1 and 2, open for reading and writing.
    private readonly SortedDictionary<int, File> _files =
        new(Enumerable.Range(0, 3).ToDictionary(number => number, _ => new File(FileKind.Console, 2)));

    /// <summary>Pipes that have a descriptor.</summary>
    public int Pipes => _files.Values.Select(file => file.Pipe).OfType<Pipe>().Distinct().Count();

    /// <summary>The descriptors in use.</summary>
    public IReadOnlyCollection<int> Numbers => [.. _files.Keys];

    public File? At(int number) => _files.GetValueOrDefault(number);

    /// <summary>A read: what it returns, -EAGAIN where it would wait, and the bytes where they are known.</summary>
    public long Read(int number, int count, bool isBuffer, out byte[] bytes)
    {
        bytes = [];
        File? file = At(number);
        if (file is null || file.Kind == FileKind.PipeWriter)
        {
            return -Errno.EBADF;
        }

        if (count > 0 && !isBuffer && file.Kind != FileKind.Regular)
        {
            return -Errno.EFAULT;
        }

        switch (file.Kind)
        {
            case FileKind.Random:
                return count;
            case FileKind.Directory:
                return -Errno.EISDIR;
            case FileKind.EventPoll:
                return -Errno.EINVAL;
            case FileKind.Console when count > 0:
                return -Errno.EAGAIN;
            case FileKind.Regular:
                bytes = [.. file.Content.Skip((int)Math.Min(file.Position, int.MaxValue)).Take(count)];
                if (bytes.Length > 0 && !isBuffer)
                {
                    bytes = [];
                    return -Errno.EFAULT;
                }

                file.Position += bytes.Length;
                return bytes.Length;
            case FileKind.PipeReader when count > 0:
                Pipe pipe = file.Pipe!;
                if (pipe.Bytes.Count == 0)
                {
                    return pipe.Writer is not null ? -Errno.EAGAIN : 0;
                }

                bool isRoomNews = pipe.Bytes.Count == PipeSize || pipe.IsRoomWanted;
                pipe.IsRoomWanted = false;
                bytes = [.. Enumerable.Range(0, Math.Min(count, pipe.Bytes.Count)).Select(_ => pipe.Bytes.Dequeue())];
                changed(pipe);
                if (isRoomNews)
                {
                    Notify(pipe.Writer, Writable);
                }

                return bytes.Length;
            default:
                return 0;
        }
    }

    /// <summary>pread64: what it returns, and the bytes.</summary>
    public long ReadAt(int number, int count, bool isBuffer, long position, out byte[] bytes)
    {
        bytes = [];
        if (position < 0)
        {
            return -Errno.EINVAL;
        }

        if (At(number) is not { } file)
        {
            return -Errno.EBADF;
        }

        if (file.Kind != FileKind.Regular)
        {
            return file.Kind == FileKind.Directory ? -Errno.EISDIR : -Errno.ESPIPE;
        }

        bytes = [.. file.Content.Skip((int)Math.Min(position, int.MaxValue)).Take(count)];
        return bytes.Length > 0 && !isBuffer ? -Errno.EFAULT : bytes.Length;
    }

    /// <summary>lseek.</summary>
    public long Seek(int number, long offset, int origin)
    {
        if (At(number) is not { } file)
        {
            return -Errno.EBADF;
        }

        if (file.Kind is FileKind.Null or FileKind.Random)
        {
            return 0;
        }

        if (file.Kind is not (FileKind.Regular or FileKind.Directory))
        {
            return -Errno.ESPIPE;
        }

        // SEEK_DATA and SEEK_HOLE: the file is all data.
        bool isFile = file.Kind == FileKind.Regular;
        if (isFile && origin is (3 or 4))
        {
            return offset < 0 || offset >= file.Content.Length ? -Errno.ENXIO
                : file.Position = origin == 3 ? offset : file.Content.Length;
        }

        long? from = origin switch
        {
            0 => 0,
            1 => file.Position,
            2 when isFile => file.Content.Length,
            _ => null,
        };
        if (from is not { } begin)
        {
            return -Errno.EINVAL;
        }

        long position = unchecked(begin + offset);
        if (position < 0)
        {
            return offset < 0 ? -Errno.EINVAL : -Errno.EOVERFLOW;
        }

        return file.Position = position;
    }

    /// <summary>A write of as much as there is room for now; -EAGAIN where there is none.</summary>
    public long Write(int number, ReadOnlySpan<byte> bytes, bool isBuffer)
    {
        File? file = At(number);
        if (file is null || file.Kind == FileKind.PipeReader)
        {
            return -Errno.EBADF;
        }

        if (bytes.Length > 0 && !isBuffer && file.Kind != FileKind.Null)
        {
            return -Errno.EFAULT;
        }

        if (file.Kind is FileKind.Regular or FileKind.Directory or FileKind.EventPoll)
        {
            return file.Kind == FileKind.EventPoll ? -Errno.EINVAL : -Errno.EBADF;
        }

        if (file.Kind != FileKind.PipeWriter || bytes.Length == 0)
        {
            return bytes.Length;
        }

        if (file.Pipe!.Reader is null)
        {
            return -Errno.EPIPE;
        }

        // PIPE_BUF: up to so many bytes are written whole or not at all.
        int room = PipeSize - file.Pipe!.Bytes.Count;
        if (room == 0 || (bytes.Length <= PipeSize && bytes.Length > room))
        {
            file.Pipe.IsRoomWanted = true;
            return -Errno.EAGAIN;
        }

        int part = Math.Min(bytes.Length, room);
        foreach (byte value in bytes[..part])
        {
            file.Pipe.Bytes.Enqueue(value);
        }

        changed(file.Pipe);
        Notify(file.Pipe.Reader, Readable);
        return part;
    }

    public long Open(FileKind kind, uint flags)
    {
        int number = FindFree(0);
        if (number >= 0)
        {
            _files[number] = new File(kind, flags);
        }

        return number;
    }

    /// <summary>Two descriptors of a new pipe, the lowest that are free.</summary>
    public long OpenPipe(uint flags, out int reader, out int writer)
    {
        reader = FindFree(0);
        writer = reader < 0 ? reader : FindFree(reader + 1);
        if (writer < 0 || Pipes == MostPipes)
        {
            return -Errno.EMFILE;
        }

        Pipe pipe = new();
        pipe.Reader = _files[reader] = new File(FileKind.PipeReader, flags & NonBlocking) { Pipe = pipe };
        pipe.Writer = _files[writer] = new File(FileKind.PipeWriter, (flags & NonBlocking) | 1) { Pipe = pipe };
        return 0;
    }

    public long OpenSet()
    {
        long number = Open(FileKind.EventPoll, 2);
        _files[(int)number].Set = new Set(_files[(int)number]);
        return number;
    }

    public long Close(int number)
    {
        if (At(number) is not { } file)
        {
            return -Errno.EBADF;
        }

        _files.Remove(number);
        Drop(file);
        return 0;
    }

    public long Duplicate(int number, int lowest)
    {
        if (At(number) is not { } file)
        {
            return -Errno.EBADF;
        }

        int copy = FindFree(lowest);
        if (copy >= 0)
        {
            _files[copy] = file;
        }

        return copy;
    }

    public long DuplicateTo(int number, int target)
    {
        if (number == target)
        {
            return -Errno.EINVAL;
        }

        if (At(number) is not { } file || target is < 0 or >= Capacity)
        {
            return -Errno.EBADF;
        }

        File? previous = At(target);
        _files[target] = file;
        if (previous is not null)
        {
            Drop(previous);
        }

        return target;
    }

    /// <summary>epoll_ctl: 1 adds, 2 deletes, 3 changes.</summary>
    public long ControlSet(int number, int operation, int watched, bool isBuffer, uint events, ulong data)
    {
        if (operation != 2 && !isBuffer)
        {
            return -Errno.EFAULT;
        }

        if (At(number) is not { } file || At(watched) is not { } member)
        {
            return -Errno.EBADF;
        }

        if (member.Kind is FileKind.Null or FileKind.Random or FileKind.Directory or FileKind.Regular)
        {
            return -Errno.EPERM;
        }

        if (file.Set is not { } set || file == member)
        {
            return -Errno.EINVAL;
        }

        Member? membership = set.Members.Find(one => one.File == member && one.Number == watched);
        switch (operation)
        {
            case 1 when membership is not null:
                return -Errno.EEXIST;
            case 1 when member.Set is { } inner && (file.Memberships.Count > 0 || inner.Members.Exists(one => one.File.Set is not null)):
                return -Errno.ELOOP;
            case 1:
                membership = new Member(set, member, watched);
                set.Members.Insert(0, membership);
                member.Memberships.Insert(0, membership);
                break;
            case 2 or 3 when membership is null:
                return -Errno.ENOENT;
            case 2:
                Leave(membership!);
                return 0;
            case 3:
                break;
            default:
                return -Errno.EINVAL;
        }

        membership!.Events = events | Always;
        membership.Data = data;
        membership.Last = 0;
        if ((Conditions(member) & membership.Events) != 0 && !set.Ready.Contains(membership))
        {
            set.Ready.Add(membership);
            Wake(set);
        }

        return 0;
    }

    /// <summary>What a thread waits for that waits for a descriptor; nothing where nothing ever changes.</summary>
    public IEnumerable<object> ThingsOf(int number) => At(number) is { } file && ThingOf(file) is { } thing ? [thing] : [];

    /// <summary>What a thread waits for in a set: the set, and the console if it is a member, which does not notify sets.</summary>
    public IEnumerable<object> ThingsOfSet(int number) =>
    [
        .. ThingsOf(number),
        .. At(number)?.Set?.Members.Where(member => member.File.Kind == FileKind.Console).Select(_ => this).Take(1) ?? [],
    ];

    /// <summary>Takes the events of a set, each as the program is told; -EBADF or -EINVAL where there is no set.</summary>
    public long TakeEvents(int number, int most, out (uint Events, ulong Data)[] events)
    {
        events = [];
        if (most <= 0)
        {
            return -Errno.EINVAL;
        }

        if (At(number) is not { } file)
        {
            return -Errno.EBADF;
        }

        if (file.Set is not { } set)
        {
            return -Errno.EINVAL;
        }

        LookAtConsoles(set);
        List<(uint Events, ulong Data)> taken = [];
        for (int left = set.Ready.Count; left > 0 && taken.Count < most; left--)
        {
            Member member = set.Ready[0];
            set.Ready.RemoveAt(0);
            uint conditions = Conditions(member.File) & member.Events;
            if (conditions == 0)
            {
                continue;
            }

            taken.Add((conditions, member.Data));
            if ((member.Events & OneShot) != 0)
            {
                member.Events &= Private;
            }
            else if ((member.Events & EdgeTriggered) == 0)
            {
                set.Ready.Add(member);
            }
        }

        events = [.. taken];
        return events.Length;
    }

    /// <summary>What of the wanted events, and of those that are always told, a descriptor has.</summary>
    public short State(int number, short wanted) =>
        At(number) is { } file ? (short)(Conditions(file) & ((ushort)wanted | Always)) : PollInvalid;

    private uint Conditions(File file) => file.Kind switch
    {
        FileKind.Console => Writable,
        FileKind.PipeReader => (file.Pipe!.Bytes.Count > 0 ? Readable : 0) | (file.Pipe.Writer is null ? PollHangUp : 0),
        FileKind.PipeWriter => (file.Pipe!.Bytes.Count < PipeSize ? Writable : 0) | (file.Pipe.Reader is null ? PollError : 0),
        FileKind.EventPoll => HasEvents(file.Set!) ? Readable : 0,
        _ => Readable | Writable,
    };

    private bool HasEvents(Set set)
    {
        LookAtConsoles(set);
        int first = set.Ready.FindIndex(member => (Conditions(member.File) & member.Events) != 0);
        set.Ready.RemoveRange(0, first < 0 ? set.Ready.Count : first);
        return first >= 0;
    }

    private void LookAtConsoles(Set set)
    {
        foreach (Member member in set.Members.Where(member => member.File.Kind == FileKind.Console))
        {
            uint conditions = Conditions(member.File) & member.Events;
            bool isNews = (conditions & ~member.Last) != 0 || (member.Events & EdgeTriggered) == 0;
            member.Last = conditions;
            if (isNews && conditions != 0 && !set.Ready.Contains(member))
            {
                set.Ready.Add(member);
            }
        }
    }

    /// <summary>A file has changed: its memberships are ready if they wait for one of the events. 0 is any event.</summary>
    private void Notify(File? file, uint events)
    {
        foreach (Member member in file?.Memberships ?? [])
        {
            if ((member.Events & ~Private) != 0 && (events == 0 || (member.Events & events) != 0))
            {
                if (!member.Set.Ready.Contains(member))
                {
                    member.Set.Ready.Add(member);
                }

                Wake(member.Set);
            }
        }
    }

    private void Wake(Set set)
    {
        changed(set);
        Notify(set.File, PollIn);
    }

    /// <summary>A descriptor has gone; with its last one, the file leaves all sets and closes its end of a pipe.</summary>
    private void Drop(File file)
    {
        if (ThingOf(file) is { } thing)
        {
            changed(thing);
        }

        if (_files.ContainsValue(file))
        {
            return;
        }

        file.Memberships.ToList().ForEach(Leave);
        file.Set?.Members.ToList().ForEach(Leave);
        if (file.Pipe is not { } pipe)
        {
            return;
        }

        if (file == pipe.Reader)
        {
            pipe.Reader = null;
            Notify(pipe.Writer, 0);
        }
        else
        {
            pipe.Writer = null;
            Notify(pipe.Reader, 0);
        }
    }

    private static void Leave(Member member)
    {
        member.Set.Members.Remove(member);
        member.Set.Ready.Remove(member);
        member.File.Memberships.Remove(member);
    }

    private object? ThingOf(File file) => file.Kind == FileKind.Console ? this : (object?)file.Pipe ?? file.Set;

    private int FindFree(int lowest)
    {
        int number = lowest;
        while (_files.ContainsKey(number))
        {
            number++;
        }

        return number < Capacity ? number : (int)-Errno.EMFILE;
    }

    public sealed class File(FileKind kind, uint flags)
    {
        public FileKind Kind => kind;

        public uint Flags { get; set; } = flags;

        public long Position { get; set; }

        /// <summary>Of a text.</summary>
        public byte[] Content { get; set; } = [];

        public Pipe? Pipe { get; init; }

        public Set? Set { get; set; }

        /// <summary>The latest first.</summary>
        public List<Member> Memberships { get; } = [];
    }

    public sealed class Pipe
    {
        public Queue<byte> Bytes { get; } = [];

        public File? Reader { get; set; }

        public File? Writer { get; set; }

        /// <summary>Whether a write has found too little room since the last read.</summary>
        public bool IsRoomWanted { get; set; }
    }

    public sealed class Set(File file)
    {
        public File File => file;

        /// <summary>The latest first.</summary>
        public List<Member> Members { get; } = [];

        /// <summary>Members that have had an event, the oldest first.</summary>
        public List<Member> Ready { get; } = [];
    }

    public sealed class Member(Set set, File file, int number)
    {
        public Set Set => set;

        public File File => file;

        public int Number => number;

        public uint Events { get; set; }

        public ulong Data { get; set; }

        public uint Last { get; set; }
    }
}
