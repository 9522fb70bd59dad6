using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>
/// The protection of the nucleus from a program that runs in the same address space, with the same privilege: what no system call may do,
/// and what not even a store can do.
/// </summary>
internal static unsafe class WallCases
{
    private const int ReadWrite = 3;
    private const int ReadExecute = 5;
    private const int Everything = 7;
    private const int PrivateAnonymous = 0x22;
    private const int Fixed = 0x10;

    // Linux's error numbers.
    private const int EPERM = 1;
    private const int EFAULT = 14;

    private const nuint PageSize = 4096;

    /// <summary>Where the nucleus shows all RAM (docs/nucleus.md), and the bits of a page-table entry.</summary>
    private const ulong DirectMap = 0xffff_8000_0000_0000;
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong LargePage = 1 << 7;
    private const ulong FrameBits = 0x000f_ffff_ffff_f000;

    private static int s_variable;
    private static ulong s_tables;

    public static IEnumerable<Case> All =>
    [
        new("image-is-sealed", ImageIsSealed),
        new("nucleus-is-out-of-reach", NucleusIsOutOfReach),
        new("code-has-no-writable-alias", CodeHasNoWritableAlias),
        new("stack-cookie-is-random", StackCookieIsRandom),
        new("addresses-are-random", AddressesAreRandom),
    ];

    /// <summary>Writes what is there already, so that only the right to write is tried.</summary>
    public static void WriteDescriptorTable() => Rewrite((byte*)Address(&Symbols.InterruptTable));

    public static void WriteAliasOfCode()
    {
        byte* page = MapCode([0xb8, 42, 0, 0, 0, 0xc3]);
        Check.Equal(42, ((delegate* unmanaged<int>)page)());
        Rewrite((byte*)(DirectMap + (Entry((ulong)page) & FrameBits)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Rewrite(byte* target) => Volatile.Write(ref *target, *target);

    private static void ImageIsSealed()
    {
        s_variable = 1;
        (string Name, nint Page)[] places =
        [
            ("a constant", PageOf(Unsafe.AsPointer(ref MemoryMarshal.GetReference("a constant"u8)))),
            ("the program's code", PageOf((delegate*<int>)&Seven)),
            ("the nucleus's code", PageOf((void*)Address(&Symbols.SystemCallEntry))),
            ("the program's variables", PageOf(Unsafe.AsPointer(ref s_variable))),
            ("the nucleus's variables", PageOf((void*)(Address(&Symbols.NucleusDataEnd) - 1))),
            ("the nucleus's tables", PageOf((void*)Address(&Symbols.InterruptTable))),
            ("the nucleus's guard page", PageOf((void*)Address(&Symbols.Guard))),
        ];
        foreach ((string name, nint page) in places)
        {
            Refuses(EPERM, ProtectMemory(page, PageSize, Everything), $"mprotect of {name}");
            Refuses(EPERM, ProtectMemory(page, PageSize, 0), $"mprotect of {name} to nothing");
            Refuses(EPERM, UnmapMemory(page, PageSize), $"munmap of {name}");
            Refuses(EPERM, (int)MapMemory(page, PageSize, ReadWrite, PrivateAnonymous | Fixed, -1, 0), $"mmap over {name}");
            Check.That(MapMemory(page, PageSize, ReadWrite, PrivateAnonymous, -1, 0) != page, $"mmap with a hint at {name}");
        }

        Check.Equal(1, s_variable);
    }

    private static void NucleusIsOutOfReach()
    {
        int* pipe = stackalloc int[2];
        Check.Equal(0, MakePipe(pipe, 0));
        byte* buffer = stackalloc byte[8];
        (string Name, nint Address)[] places =
        [
            ("variables", Address(&Symbols.NucleusDataEnd) - 8),
            ("tables", Address(&Symbols.InterruptTable)),
            ("stack", Address(&Symbols.StackTop) - 64),
            ("guard page", Address(&Symbols.Guard) + 64),
            ("per-processor block", Address(&Symbols.Cpu)),
            ("stack cookie", Address(&Symbols.StackCookie)),
            ("direct map", unchecked((nint)DirectMap) + 0x10_0000),
        ];
        foreach ((string name, nint address) in places)
        {
            Refuses(EFAULT, (int)WriteFile(pipe[1], (byte*)address, 8), $"write(2) of the nucleus's {name}");
            Check.Equal((nint)8, WriteFile(pipe[1], buffer, 8));
            Refuses(EFAULT, (int)ReadFile(pipe[0], (byte*)address, 8), $"read(2) into the nucleus's {name}");
            Check.Equal((nint)8, ReadFile(pipe[0], buffer, 8));
            Refuses(EFAULT, (int)FillRandom((byte*)address, 8, 0), $"getrandom into the nucleus's {name}");
        }

        Check.Equal(0, CloseFile(pipe[0]));
        Check.Equal(0, CloseFile(pipe[1]));
    }

    private static void CodeHasNoWritableAlias()
    {
        // Frames that share a large page of the direct map with others: the first ones do not, they lie beside the image.
        nint pages = MapMemory(0, 2048 * PageSize, ReadWrite, PrivateAnonymous, -1, 0);
        Check.That(pages > 0, "mmap of 8 MiB");
        byte* page = (byte*)pages;
        do
        {
            page += PageSize;
            Check.That((nint)page < pages + (nint)(2048 * PageSize), "8 MiB of frames, none of them in a large page of the direct map");
            *page = 0;
        }
        while ((Entry(DirectMap + (Entry((ulong)page) & FrameBits)) & LargePage) == 0);

        WriteCode(page, [0xb8, 42, 0, 0, 0, 0xc3]);
        Check.Equal(42, ((delegate* unmanaged<int>)page)());
        ulong alias = DirectMap + (Entry((ulong)page) & FrameBits);
        Check.Equal(Present, Entry(alias) & (Present | Writable), "the alias of code");
        Check.Equal((byte)0xb8, *(byte*)alias);

        // Data again, and free again: the nucleus fills a frame with zeros through the alias before it gives it to the next.
        Check.Equal(0, ProtectMemory((nint)page, PageSize, ReadWrite));
        Check.Equal(Present | Writable, Entry(alias) & (Present | Writable), "the alias of data");
        Check.Equal(0, ProtectMemory((nint)page, PageSize, ReadExecute));
        Check.Equal(0, UnmapMemory(pages, 2048 * PageSize));
        Check.Equal(Present | Writable, Entry(alias) & (Present | Writable), "the alias of a free frame");
    }

    private static void StackCookieIsRandom()
    {
        // The runtime's own way is the number of milliseconds since boot, which leaves the upper half zero.
        ulong cookie = *(ulong*)Address(&Symbols.StackCookie);
        Check.That(cookie >> 32 != 0 && (uint)cookie != 0, $"{cookie:x}");
        Console.WriteLine($"stack cookie {cookie:x}");
    }

    private static void AddressesAreRandom()
    {
        // The host compares the printed values of two boots: of a mapping in 4 GiB, which hold all of a small guest's mappings, of the
        // main stack in its 2 MiB.
        int local = 0;
        nint page = MapMemory(0, PageSize, ReadWrite, PrivateAnonymous, -1, 0);
        Console.WriteLine($"mapping at {page >> 32:x} times 4 GiB");
        Console.WriteLine($"main stack at {(nint)(&local) >> 21:x} times 2 MiB");
        Check.Equal(0, UnmapMemory(page, PageSize));
    }

    /// <summary>The page-table entry for an address, from the tables: the program runs with the processor's full privilege.</summary>
    private static ulong Entry(ulong address)
    {
        // mov rax, cr3; ret
        s_tables = s_tables != 0 ? s_tables : ((delegate* unmanaged<ulong>)MapCode([0x0f, 0x20, 0xd8, 0xc3]))();
        ulong table = s_tables;
        for (int level = 3; ; level--)
        {
            ulong entry = ((ulong*)(DirectMap + (table & FrameBits)))[(address >> (12 + (9 * level))) & 511];
            Check.That((entry & Present) != 0, $"{address:x} is mapped");
            if (level == 0 || (entry & LargePage) != 0)
            {
                return entry;
            }

            table = entry;
        }
    }

    private static byte* MapCode(ReadOnlySpan<byte> code)
    {
        nint page = MapMemory(0, PageSize, ReadWrite, PrivateAnonymous, -1, 0);
        Check.That(page > 0, "mmap of a page for code");
        WriteCode((byte*)page, code);
        return (byte*)page;
    }

    private static void WriteCode(byte* page, ReadOnlySpan<byte> code)
    {
        code.CopyTo(new Span<byte>(page, code.Length));
        Check.Equal(0, ProtectMemory((nint)page, PageSize, ReadExecute));
    }

    private static void Refuses(int error, int result, string what)
    {
        int given = Marshal.GetLastPInvokeError();
        Check.That(result == -1 && given == error, $"{what}: {result}, error {given}");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Seven() => 7;

    private static nint Address(delegate*<void> symbol) => (nint)symbol;

    private static nint PageOf(void* address) => (nint)address & ~(nint)(PageSize - 1);

    [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static extern nint MapMemory(nint address, nuint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static extern int UnmapMemory(nint address, nuint length);

    [DllImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static extern int ProtectMemory(nint address, nuint length, int protection);

    [DllImport("libc", EntryPoint = "pipe2")]
    private static extern int MakePipe(int* ends, int flags);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int CloseFile(int file);

    [DllImport("libc", EntryPoint = "read", SetLastError = true)]
    private static extern nint ReadFile(int file, byte* buffer, nuint count);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern nint WriteFile(int file, byte* buffer, nuint count);

    [DllImport("libc", EntryPoint = "getrandom", SetLastError = true)]
    private static extern nint FillRandom(byte* buffer, nuint count, uint flags);

    /// <summary>Symbols of the nucleus. They are never called.</summary>
    private static class Symbols
    {
        [RuntimeImport("*", "xenlet_system_call_entry")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void SystemCallEntry();

        [RuntimeImport("*", "xenlet_nucleus_data_end")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void NucleusDataEnd();

        [RuntimeImport("*", "xenlet_idt")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void InterruptTable();

        [RuntimeImport("*", "xenlet_nucleus_stack_top")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void StackTop();

        [RuntimeImport("*", "xenlet_nucleus_stack_guard")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Guard();

        [RuntimeImport("*", "xenlet_cpu")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Cpu();

        [RuntimeImport("*", "__wrap___security_cookie")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void StackCookie();
    }
}
