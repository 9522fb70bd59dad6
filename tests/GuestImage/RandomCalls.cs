using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>Random system calls, decided by a seed. At the end all that they have opened and mapped is released.</summary>
/// <remarks>
/// Calls write where their arguments say, so addresses are those of an arena with a gap behind it into which every range that is too long
/// runs, or of nothing that a program may write. Descriptors are the calls' own. Left out are the ends (exit, signals that are not ignored,
/// suspend, shutdown), what waits without limit, and what the program could not live on with: its thread pointer, its heap, its handlers.
/// </remarks>
internal sealed unsafe class RandomCalls : IDisposable
{
    private const ulong PageSize = 4096;
    private const ulong ArenaSize = 64 * PageSize;
    private const ulong GapSize = 64 << 20;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private const int Fixed = 0x10;
    private const int FixedNoReplace = 0x10_0000;
    private const ulong NonBlocking = 0x800;

    /// <summary>Fewer than there may be, so that their numbers come again.</summary>
    private const int MostDescriptors = 40;

    /// <summary>Linux's numbers (asm/unistd_64.h), and from 0x10000 on the nucleus's own, with what their arguments are.</summary>
    private static readonly (long Number, string Arguments)[] Table =
    [
        (0, "fbl"), (1, "fbl"), (4, "pb"), (5, "fb"), (6, "pb"), (7, "bst"), (8, "fas"), (16, "faa"), (16, "fIb"), (17, "fbla"),
        (19, "fbs"), (20, "fbs"), (21, "ps"), (24, ""), (25, "Lllsa"), (28, "ALs"), (39, ""), (63, "b"), (77, "fa"), (79, "bl"), (80, "p"),
        (82, "pp"), (83, "ps"), (84, "p"), (87, "p"), (88, "pp"), (89, "pbl"), (90, "ps"), (95, "s"), (97, "sb"), (98, "sb"), (99, "b"),
        (102, ""), (104, ""), (107, ""), (108, ""), (110, ""), (137, "pb"), (157, "sp"), (186, ""), (201, "b"), (204, "slb"),
        (217, "fbl"), (228, "sb"), (229, "sb"),
        (230, "ssTb"), (35, "Tb"),
        (232, "fbst"), (233, "fsfb"), (239, "bbaab"), (258, "fps"), (262, "fpbs"), (263, "fps"), (264, "fpfp"), (267, "fpbl"), (269, "fps"),
        (271, "bsT"), (273, "bl"), (281, "fbst"), (302, "ssbb"), (309, "bb"), (316, "fpfps"), (318, "bl"), (324, "s"), (332, "fpssb"),
        (334, "blaa"), (439, "fps"), (41, "vss"), (202, "bw1Tss"), (9, "ALrmas"), (10, "ALr"), (11, "kl"), (12, "k"), (3, "v"),
        (13, "s0bs"), (14, "s0bs"),
        (42, "fbs"), (43, "fbb"), (44, "fblsbs"), (45, "fblsbb"), (46, "fbs"), (47, "fbs"), (48, "fs"), (49, "fbs"), (50, "fs"),
        (51, "fbb"), (52, "fbb"), (54, "fssbs"), (55, "fssbb"), (288, "fbbs"), (307, "fbss"),
        (62, "i"), (200, "si"), (158, "gb"), (435, "kl"), (23, "aaa"), (511, "aaa"),

        // Files.
        (18, "fbla"), (73, "fn"), (74, "f"), (75, "f"), (76, "pa"), (81, "f"), (86, "pp"), (91, "fs"), (138, "fb"), (162, ""),
        (221, "faas"), (254, "fpa"), (255, "fs"), (265, "fpfp"), (266, "pfp"), (268, "fps"), (280, "fpTs"), (285, "fsaa"), (295, "fbsa"),
        (296, "fbsa"), (306, "f"),

        // Events, grants and sockets by invalid handles; and facts, statistics, an invalid shutdown, threads, memory, generation.
        (0x10002, "sh"), (0x10003, "h"), (0x10004, "h"), (0x10005, "h"), (0x10006, "h"), (0x10008, "b"), (0x10009, "sbs"), (0x1000a, "h"),
        (0x1000d, "b"), (0x1000e, "b"), (0x1000f, "h"), (0x10013, "bs"), (0x10014, "b"), (0x10015, "b"), (0x1001a, "h"), (0x1001c, "hs"),
        (0x1001d, "hbs"), (0x1001e, "hb"), (0x10021, "hs"), (0x10022, "hsbl"), (0x10024, "hsbl"), (0x10027, "hb"), (0x10028, "hbbl"),
        (0x10029, "hbbl"), (0x1ffff, "aaa"), (0x20000, "aaa"),
        (long.MaxValue, "aaa"), (-1, "aaa"),
    ];

    private const string OwnDirectory = "/tmp/random";

    private static readonly string[] Paths =
    [
        "/", ".", "/dev/null", "/dev/urandom", "/dev/random", "/etc/passwd", "/etc/hosts", "/app/xenlet", "/none", "",
        "/tmp", "/tmp/random",
        "/tmp/random/a", "/tmp/random/b", "/tmp/random/c/d", "/tmp/random/c/", "a", "../random/b", "c",

        // The TCP/IP stack's, where there is one.
        "/etc/resolv.conf", "/proc/net/dev", "/proc/net/tcp", "/proc/net/none", "/sys/class/net/lo/mtu",
    ];

    /// <summary>AF_INET, AF_INET6 and AF_NETLINK.</summary>
    private static readonly ulong[] Families = [2, 10, 16];

    /// <summary>ioctl of interfaces, as far as there are any (linux/sockios.h): names, addresses, sizes.</summary>
    private static readonly ulong[] InterfaceCommands = [0x8910, 0x8913, 0x8915, 0x8919, 0x891b, 0x8921, 0x8927, 0x8933, 0x8942, 0x8946];

    /// <summary>Addresses that a call may neither read nor write; the last is the nucleus's direct map.</summary>
    private static readonly ulong[] Forbidden =
        [0, 1, 0x1000, 0x8000_0000_0000, 0x7fff_ffff_f001, ulong.MaxValue, ulong.MaxValue - 7, 0xffff_8000_0010_0000];

    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 63, 64, 65, 4095, 4096, 4097, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1UL << 47,
        ulong.MaxValue, ulong.MaxValue - 4095,
    ];

    private readonly Random _random;
    private readonly ulong _arena;

    // Read-only, so that no call makes a time longer: pairs of seconds and nanoseconds, then paths.
    private readonly ulong _constants;
    private readonly ulong[] _paths;
    private readonly List<int> _descriptors = [];
    private readonly List<(ulong Address, ulong Length)> _mappings = [];
    private readonly List<ulong> _pages = [];

    public RandomCalls(int seed)
    {
        _random = new Random(seed);
        _arena = (ulong)Call(9, 0, ArenaSize + GapSize, 0, PrivateAnonymous, -1);
        _constants = (ulong)Call(9, 0, PageSize, ReadWrite, PrivateAnonymous, -1);
        Check.That((long)_arena > 0 && (long)_constants > 0, "memory for the calls");
        MakeArenaWhole();
        long* times = (long*)_constants;
        long[] pairs = [0, 0, 0, 1, 0, 100_000, 0, 1_000_000, 0, 1_000_000_000, -1, 0, 0, -1, long.MinValue, 5];
        pairs.CopyTo(new Span<long>(times, pairs.Length));
        ulong path = _constants + 1024;
        _paths = new ulong[Paths.Length];
        for (int i = 0; i < Paths.Length; i++)
        {
            _paths[i] = path;
            path += (ulong)System.Text.Encoding.ASCII.GetBytes(Paths[i], new Span<byte>((void*)path, 64)) + 1;
        }

        Check.Equal(0, Call(10, _constants, PageSize, 1));
        Directory.CreateDirectory(OwnDirectory);
    }

    /// <summary>Calls that were not refused.</summary>
    public int Successes { get; private set; }

    /// <summary>Makes a call.</summary>
    public void Make()
    {
        switch (_random.Next(16))
        {
            case 0 or 1 or 2 when _descriptors.Count > MostDescriptors:
            case 4 when _descriptors.Count > 0:
                int at = _random.Next(_descriptors.Count);
                Check.Equal(0, Call(3, (ulong)_descriptors[at]), "close");
                _descriptors.RemoveAt(at);
                break;
            case 0:
                int* ends = stackalloc int[2];
                if (Count(Call(293, _random.Next(8) == 0 ? Address() : (ulong)ends, NonBlocking)) == 0 && ends[1] != ends[0])
                {
                    _descriptors.Add(ends[0]);
                    _descriptors.Add(ends[1]);
                }

                break;
            case 1:
                Open(_random.Next(7) switch
                {
                    0 => Call(2, Path(), Number() | NonBlocking),
                    5 => Call(2, Path(), (ulong)_random.Next(3) | (ulong)(_random.Next(32) * 0x40) | NonBlocking, 0x1ff),
                    6 => Call(294, NonBlocking),
                    1 => Call(257, Descriptor(), Path(), NonBlocking),
                    2 => Call(290, Number(), NonBlocking),
                    3 => Call(41, Families[_random.Next(Families.Length)], (ulong)_random.Next(1, 3) | NonBlocking),
                    _ => Call(291, Number()),
                });
                break;
            case 2:
                ulong command = (ulong)(_random.Next(2) * 1030);
                Open(_random.Next(2) == 0 ? Call(32, Descriptor()) : Call(72, Descriptor(), command, (ulong)_random.Next(8, 70)));
                break;
            case 3:
                // All own descriptors stay nonblocking.
                _ = Count(Call(72, Descriptor(), (ulong)_random.Next(1, 12), NonBlocking | Number()));
                break;
            case 5 when _descriptors.Count > 1:
                int target = _descriptors[_random.Next(_descriptors.Count)];
                _ = Count(Call(292, Descriptor(), (ulong)target, 0));
                break;
            case 6:
                Map();
                break;
            case 7:
                SharePage();
                break;
            case 8:
                // Whatever the result, the arena is mapped again, with some content.
                MakeArenaWhole();
                _ = Call(318, _arena + ((ulong)_random.Next((int)ArenaSize) & ~(ulong)7), (ulong)_random.Next(1, 4096));
                break;
            default:
                MakeOfTable();
                break;
        }
    }

    public void Dispose()
    {
        Directory.SetCurrentDirectory("/");
        fixed (byte* temporary = "/tmp\0"u8)
        {
            DeleteContent(Call(2, (ulong)temporary, 0));
        }

        foreach (int descriptor in _descriptors)
        {
            Check.Equal(0, Call(3, (ulong)descriptor), $"close of {descriptor}");
        }

        foreach ((ulong address, ulong length) in _mappings)
        {
            Check.Equal(0, Call(11, address, length), $"munmap of {address:x}");
        }

        foreach (ulong page in _pages)
        {
            Check.Equal(0, Call(0x10008, page), $"release of {page:x}");
        }

        Check.Equal(0, Call(11, _arena, ArenaSize + GapSize), "munmap of the arena");
        Check.Equal(0, Call(11, _constants, PageSize), "munmap of what is constant");
    }

    /// <summary>
    /// Deletes what is in a directory, which it closes; a link is not followed. By the calls themselves: names are any bytes, of which
    /// .NET can name those of UTF-8 alone.
    /// </summary>
    private static void DeleteContent(long directory)
    {
        const byte directoryType = 4;
        const ulong removesDirectory = 0x200;
        byte* entries = stackalloc byte[2048];
        long length;
        while ((length = Call(217, (ulong)directory, (ulong)entries, 2048)) > 0)
        {
            for (byte* entry = entries; entry < entries + length; entry += *(ushort*)(entry + 16))
            {
                byte* name = entry + 19;
                bool isDirectory = entry[18] == directoryType;
                if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
                {
                    continue;
                }

                if (isDirectory)
                {
                    DeleteContent(Call(257, (ulong)directory, (ulong)name, 0));
                }

                Check.Equal(0, Call(263, (ulong)directory, (ulong)name, isDirectory ? removesDirectory : 0), "unlinkat");
            }
        }

        Check.Equal(0, length, "getdents64");
        Check.Equal(0, Call(3, (ulong)directory), "close of a directory");
    }

    private void MakeOfTable()
    {
        (long number, string kinds) = Table[_random.Next(Table.Length)];
        ulong* arguments = stackalloc ulong[6];
        ulong address = 0;
        for (int i = 0; i < kinds.Length; i++)
        {
            arguments[i] = Argument(kinds[i], ref address);
        }

        _ = Count(Call(number, arguments[0], arguments[1], arguments[2], arguments[3], (long)arguments[4], arguments[5]));
    }

    private ulong Argument(char kind, ref ulong address) => kind switch
    {
        'f' => Descriptor(),
        'b' => _random.Next(8) == 0 ? Address() : _arena + (ulong)_random.Next((int)ArenaSize),
        'l' => _random.Next(2) == 0 ? (ulong)_random.Next(9000) : Number(),
        'p' => Path(),
        's' => (ulong)_random.Next(-2, 20),
        'a' => Number(),

        // Milliseconds, of which none is for ever; a time; a page of the arena, a length that does not leave it, rights.
        't' => (ulong)_random.Next(3),
        'T' => _random.Next(8) == 0 ? Forbidden[_random.Next(1, Forbidden.Length)] : _constants + (ulong)(16 * _random.Next(8)),
        'A' => address = _random.Next(8) == 0 ? Address() : _arena + ((ulong)_random.Next((int)(ArenaSize / PageSize)) * PageSize),
        'L' => IsInArena(address) ? (ulong)_random.Next((int)(_arena + ArenaSize - address) + 1) : Number(),
        'r' => _random.Next(6) == 0 ? Number() : (ulong)_random.Next(8),

        // mmap always where it is told; addresses that cannot be unmapped; signals that do nothing, no new handler, no new thread pointer.
        'm' => (ulong)(PrivateAnonymous | Fixed | (_random.Next(2) * FixedNoReplace)),
        'w' => (ulong)(128 + ((int[])[0, 1, 9, 10])[_random.Next(4)]),
        '1' => (ulong)_random.Next(2),
        '0' => 0,
        'k' => Forbidden[_random.Next(Forbidden.Length)],
        // A lock that does not wait.
        'n' => 4 | (ulong)_random.Next(16),
        'i' => (ulong)((int[])[-1, 65, 66, 1000, int.MaxValue, int.MinValue])[_random.Next(6)],
        'v' => NoDescriptor(),
        'I' => InterfaceCommands[_random.Next(InterfaceCommands.Length)],
        'g' => _random.Next(2) == 0 ? 0x1003 : (ulong)_random.Next(20),
        'h' => 0xdead_0000_0000 + Number() % 0xffff_ffff,
        _ => throw new ArgumentException($"{kind} is no kind of argument"),
    };

    /// <summary>Maps memory somewhere, or unmaps an end of what was mapped.</summary>
    private void Map()
    {
        const int stack = 0x20000;
        if (_mappings.Count > 20)
        {
            (ulong address, ulong length) = _mappings[0];
            ulong part = (ulong)_random.Next(1, (int)(length / PageSize) + 1) * PageSize;
            bool isLowEnd = _random.Next(2) == 0;
            Check.Equal(0, Call(11, isLowEnd ? address : address + length - part, part), $"munmap of a part of {address:x}");
            _mappings.RemoveAt(0);
            if (part < length)
            {
                _mappings.Add((isLowEnd ? address + part : address, length - part));
            }

            return;
        }

        ulong wanted = (ulong)_random.Next(1, 64) * PageSize;
        ulong flags = (ulong)(PrivateAnonymous | (_random.Next(2) * stack));
        long mapped = Count(Call(9, _random.Next(2) == 0 ? 0 : Number(), wanted, (ulong)_random.Next(8), flags, -1));
        if (mapped > 0)
        {
            _mappings.Add(((ulong)mapped, wanted));
        }
    }

    /// <summary>Pages that can be granted, and grants of them. Without Xen there are none.</summary>
    private void SharePage()
    {
        if (_pages.Count > 8)
        {
            Check.Equal(0, Call(0x10008, _pages[0]), $"release of {_pages[0]:x}");
            _pages.RemoveAt(0);
            return;
        }

        long page = Count(Call(0x10007));
        if (page <= 0)
        {
            return;
        }

        _pages.Add((ulong)page);
        long grant = Count(Call(0x10009, 0, (ulong)page, (ulong)_random.Next(2)));
        if (grant >= 0)
        {
            Check.Equal(-1, Call(0x10008, (ulong)page), "a granted page is released");
            Check.Equal(0, Call(0x1000a, (ulong)grant), "the end of a grant");
        }
    }

    private void MakeArenaWhole() =>
        Check.Equal((long)_arena, Call(9, _arena, ArenaSize, ReadWrite, PrivateAnonymous | Fixed, -1), "the arena is mapped anew");

    private void Open(long descriptor)
    {
        if (Count(descriptor) >= 0)
        {
            _descriptors.Add((int)descriptor);
        }
    }

    private bool IsInArena(ulong address) => address >= _arena && address < _arena + ArenaSize;

    private ulong Descriptor() =>
        _descriptors.Count == 0 || _random.Next(10) == 0 ? NoDescriptor() : (ulong)_descriptors[_random.Next(_descriptors.Count)];

    private ulong NoDescriptor() => (ulong)((int[])[-1, -100, 32_768, 40_000, int.MinValue, int.MaxValue])[_random.Next(6)];

    private ulong Path() => _random.Next(12) switch
    {
        0 => Address(),
        1 => _arena + (ulong)_random.Next((int)ArenaSize),
        _ => _paths[_random.Next(_paths.Length)],
    };

    /// <summary>An address without memory. One of the gap is odd, so that the gap stays as it is.</summary>
    private ulong Address() =>
        _random.Next(4) == 0 ? (_arena + ArenaSize + (ulong)_random.Next((int)GapSize)) | 1 : Forbidden[_random.Next(Forbidden.Length)];

    private ulong Number() => Numbers[_random.Next(Numbers.Length)];

    private long Count(long result)
    {
        Successes += result >= 0 ? 1 : 0;
        return result;
    }

    /// <summary>-1 for every error.</summary>
    private static long Call(long number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, long a5 = 0, ulong a6 = 0) =>
        SystemCall(number, a1, a2, a3, a4, a5, a6);

    [DllImport("libc", EntryPoint = "syscall")]
    private static extern long SystemCall(long number, ulong a1, ulong a2, ulong a3, ulong a4, long a5, ulong a6);
}
