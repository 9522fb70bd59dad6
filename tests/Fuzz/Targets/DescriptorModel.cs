namespace Xenlet.Fuzz.Targets;

/// <summary>
/// What the descriptors of a program, its pipes and its epoll sets should be. What a call returns here is Linux's, within the nucleus's
/// limits: 64 descriptors, 16 pipes of a page, 4 epoll sets of 16 descriptors.
/// </summary>
/// <param name="changed">Called when an object changed for which a thread may wait: the console, a pipe, an epoll set.</param>
internal sealed class DescriptorModel(Action<object> changed)
{
    public const int Capacity = 64;
    public const int PipeSize = 4096;
    public const uint NonBlocking = 0x800;

    // asm-generic/poll.h
    public const short PollIn = 1;
    public const short PollOut = 4;
    private const short PollError = 8;
    private const short PollHangUp = 16;
    private const short PollInvalid = 32;

    private const int MostPipes = 16;
    private const int MostSets = 4;
    private const int MostMembers = 16;

    // The console is 0, 1 and 2, open for reading and writing.
    private readonly File?[] _files =
        [.. Enumerable.Range(0, Capacity).Select(number => number < 3 ? new File(FileKind.Console, 2) : null)];

    /// <summary>Pipes that have a descriptor.</summary>
    public int Pipes => _files.Select(file => file?.Pipe).OfType<Pipe>().Distinct().Count();

    public File? At(int number) => number is >= 0 and < Capacity ? _files[number] : null;

    /// <summary>A read: what it returns, -EAGAIN where it would wait, and the bytes where they are known.</summary>
    public long Read(int number, int count, bool isBuffer, out byte[] bytes)
    {
        bytes = [];
        File? file = At(number);
        if (file is null || file.Kind == FileKind.PipeWriter)
        {
            return -Errno.EBADF;
        }

        if (count > 0 && !isBuffer)
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
            case FileKind.Text:
                bytes = KnownFiles.UserDatabase[file.Position..].ToArray();
                bytes = bytes[..Math.Min(bytes.Length, count)];
                file.Position += bytes.Length;
                return bytes.Length;
            case FileKind.PipeReader when count > 0:
                Pipe pipe = file.Pipe!;
                if (pipe.Bytes.Count == 0)
                {
                    return Count(pipe, FileKind.PipeWriter) > 0 ? -Errno.EAGAIN : 0;
                }

                bytes = [.. Enumerable.Range(0, Math.Min(count, pipe.Bytes.Count)).Select(_ => pipe.Bytes.Dequeue())];
                changed(pipe);
                return bytes.Length;
            default:
                return 0;
        }
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

        if (file.Kind is FileKind.Text or FileKind.Directory or FileKind.EventPoll)
        {
            return -Errno.EBADF;
        }

        if (file.Kind != FileKind.PipeWriter || bytes.Length == 0)
        {
            return bytes.Length;
        }

        if (Count(file.Pipe!, FileKind.PipeReader) == 0)
        {
            return -Errno.EPIPE;
        }

        // PIPE_BUF: up to so many bytes are written whole or not at all.
        int room = PipeSize - file.Pipe!.Bytes.Count;
        if (room == 0 || (bytes.Length <= PipeSize && bytes.Length > room))
        {
            return -Errno.EAGAIN;
        }

        int part = Math.Min(bytes.Length, room);
        foreach (byte value in bytes[..part])
        {
            file.Pipe.Bytes.Enqueue(value);
        }

        changed(file.Pipe);
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
        _files[reader] = new File(FileKind.PipeReader, flags & NonBlocking) { Pipe = pipe };
        _files[writer] = new File(FileKind.PipeWriter, (flags & NonBlocking) | 1) { Pipe = pipe };
        return 0;
    }

    public long OpenSet()
    {
        bool isFull = _files.Select(file => file?.Set).OfType<Set>().Distinct().Count() == MostSets;
        long number = isFull ? -Errno.EMFILE : Open(FileKind.EventPoll, 0);
        if (number >= 0)
        {
            _files[number]!.Set = new Set();
        }

        return number;
    }

    public long Close(int number)
    {
        if (At(number) is not { } closed)
        {
            return -Errno.EBADF;
        }

        _files[number] = null;
        foreach (File file in _files.OfType<File>())
        {
            file.Set?.Forget(number);
        }

        if (ThingOf(closed) is { } thing)
        {
            changed(thing);
        }

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
            _files[copy] = file.Copy();
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

        _ = Close(target);
        _files[target] = file.Copy();
        return target;
    }

    /// <summary>epoll_ctl: 1 adds, 2 deletes, 3 changes.</summary>
    public long ControlSet(int number, int operation, int watched, bool isBuffer, uint events, ulong data)
    {
        if (At(number) is not { } file || At(watched) is null)
        {
            return -Errno.EBADF;
        }

        if (file.Set is not { } set || number == watched)
        {
            return -Errno.EINVAL;
        }

        int slot = Array.FindIndex(set.Members, member => member?.Number == watched);
        if (operation == 2)
        {
            if (slot < 0)
            {
                return -Errno.ENOENT;
            }

            set.Members[slot] = null;
            return 0;
        }

        if (!isBuffer)
        {
            return -Errno.EFAULT;
        }

        switch (operation)
        {
            case 1 when slot >= 0:
                return -Errno.EEXIST;
            case 1:
                slot = Array.IndexOf(set.Members, null);
                break;
            case 3 when slot < 0:
                return -Errno.ENOENT;
            case 3:
                break;
            default:
                return -Errno.EINVAL;
        }

        if (slot < 0)
        {
            return -Errno.ENOMEM;
        }

        set.Members[slot] = new Member(watched, events, data);
        changed(set);
        return 0;
    }

    /// <summary>What a thread waits for that waits for a descriptor; nothing where nothing ever changes.</summary>
    public IEnumerable<object> ThingsOf(int number) => At(number) is { } file && ThingOf(file) is { } thing ? [thing] : [];

    /// <summary>What a thread waits for in a set: the set, and what its members are.</summary>
    public IEnumerable<object> ThingsOfSet(int number) =>
        [.. ThingsOf(number), .. At(number)?.Set?.Members.OfType<Member>().SelectMany(member => ThingsOf(member.Number)) ?? []];

    /// <summary>The events of a set that are there now, each as the program is told; -EBADF or -EINVAL where there is no set.</summary>
    public long LookAtSet(int number, int most, out (uint Events, ulong Data)[] events)
    {
        events = [];
        if (At(number) is not { } file)
        {
            return -Errno.EBADF;
        }

        if (file.Set is not { } set)
        {
            return -Errno.EINVAL;
        }

        events =
        [
            .. set.Members.OfType<Member>()
                .Select(member => (Events: (uint)State(member.Number, (short)(member.Events & 0x1f)), member.Data))
                .Where(happened => happened.Events != 0)
                .Take(most),
        ];
        return events.Length;
    }

    /// <summary>What of the wanted events, and of those that are always told, a descriptor has.</summary>
    public short State(int number, short wanted)
    {
        if (At(number) is not { } file)
        {
            return PollInvalid;
        }

        switch (file.Kind)
        {
            case FileKind.Console:
                return (short)(wanted & PollOut);
            case FileKind.PipeReader:
                bool hasWriter = Count(file.Pipe!, FileKind.PipeWriter) > 0;
                bool canRead = file.Pipe!.Bytes.Count > 0 || !hasWriter;
                return (short)((wanted & (canRead ? PollIn : 0)) | (hasWriter ? 0 : PollHangUp));
            case FileKind.PipeWriter:
                bool hasReader = Count(file.Pipe!, FileKind.PipeReader) > 0;
                bool canWrite = file.Pipe!.Bytes.Count < PipeSize || !hasReader;
                return (short)((wanted & (canWrite ? PollOut : 0)) | (hasReader ? 0 : PollError));
            default:
                return (short)(wanted & (PollIn | PollOut));
        }
    }

    private object? ThingOf(File file) => file.Kind == FileKind.Console ? this : (object?)file.Pipe ?? file.Set;

    private int Count(Pipe pipe, FileKind kind) => _files.Count(file => file?.Pipe == pipe && file.Kind == kind);

    private int FindFree(int lowest)
    {
        int number = Array.FindIndex(_files, lowest, file => file is null);
        return number < 0 ? (int)-Errno.EMFILE : number;
    }

    public sealed class File(FileKind kind, uint flags)
    {
        public FileKind Kind => kind;

        public uint Flags { get; set; } = flags;

        public int Position { get; set; }

        public Pipe? Pipe { get; init; }

        public Set? Set { get; set; }

        public File Copy() => new(kind, Flags) { Position = Position, Pipe = Pipe, Set = Set };
    }

    public sealed class Pipe
    {
        public Queue<byte> Bytes { get; } = [];
    }

    public sealed class Set
    {
        public Member?[] Members { get; } = new Member?[MostMembers];

        public void Forget(int number)
        {
            int slot = Array.FindIndex(Members, member => member?.Number == number);
            if (slot >= 0)
            {
                Members[slot] = null;
            }
        }
    }

    public sealed record Member(int Number, uint Events, ulong Data);
}
