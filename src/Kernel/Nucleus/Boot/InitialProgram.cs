namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// The program's first thread and its stack as Linux's execve leaves it: argument count, arguments, environment, auxiliary vector
/// (System V ABI, AMD64 supplement, section 3.4.1).
/// </summary>
internal static unsafe class InitialProgram
{
    // elf.h
    private const ulong AT_NULL = 0;
    private const ulong AT_PHDR = 3;
    private const ulong AT_PHENT = 4;
    private const ulong AT_PHNUM = 5;
    private const ulong AT_PAGESZ = 6;
    private const ulong AT_ENTRY = 9;
    private const ulong AT_UID = 11;
    private const ulong AT_EUID = 12;
    private const ulong AT_GID = 13;
    private const ulong AT_EGID = 14;
    private const ulong AT_CLKTCK = 17;
    private const ulong AT_SECURE = 23;
    private const ulong AT_RANDOM = 25;

    private const int RandomSize = 16;
    private const int OwnVariables = 3;

    // Strings: the program's name, our variables, the command line's words.
    private const ulong StringsSize = 8192;

    /// <summary>Makes the first thread; it starts in glibc's entry.</summary>
    public static Thread* Create(byte* commandLine, int length)
    {
        Thread* thread = ThreadTable.Create();
        ulong top = thread == null ? 0 : Stacks.MapMain(thread);
        const ulong needed = StringsSize + 4096;
        if (top == 0 || !ProgramMemory.Writable(top - needed, needed))
        {
            MemoryCheck.NotEnough();
        }

        Frame* frame = &thread->Frame;
        frame->ResetFloatingPoint();
        frame->Rip = Image.ProgramEntry;
        frame->Cs = Frame.CodeSelector;
        frame->Ss = Frame.DataSelector;
        frame->Rflags = Frame.InitialFlags;
        frame->Rsp = BuildStack(top, commandLine, length);
        return thread;
    }

    private static ulong BuildStack(ulong top, byte* commandLine, int length)
    {
        var random = (byte*)(top - RandomSize);
        if (!RandomCalls.Fill(random, RandomSize))
        {
            // glibc's stack protector and pointer mangling then have a known seed; RandomCalls has said so.
            *(ulong*)random = Machine.ReadTsc();
        }

        byte* strings = (byte*)(top - StringsSize);
        byte** arguments = stackalloc byte*[CommandLine.MaximumArguments];
        byte** variables = stackalloc byte*[CommandLine.MaximumVariables];
        CommandLineResult words = CommandLine.Parse(
            commandLine, length, strings, CommandLine.SufficientStorage, arguments, CommandLine.MaximumArguments,
            variables, CommandLine.MaximumVariables);
        if (words.Error != CommandLineError.None)
        {
            Panic.BeginWithoutBacktrace(CommandLine.Describe(words.Error));
            KernelLog.WriteDecimal((ulong)words.Column);
            KernelLog.NewLine();
            Panic.Crash();
        }

        byte* own = strings + CommandLine.SufficientStorage;
        byte* name = own;
        own = Append(own, "xenlet\0"u8);

        // Each before the administrator's own: getenv takes the first.
        int count = 1 + words.ArgumentCount + 1 + words.VariableCount + OwnVariables + 1;
        const int auxiliaryWords = 26;
        ulong* stack = (ulong*)(((ulong)strings - (ulong)(1 + count + auxiliaryWords) * 8) & ~15UL);
        ulong* next = stack;
        *next++ = (ulong)(1 + words.ArgumentCount);
        *next++ = (ulong)name;
        for (int i = 0; i < words.ArgumentCount; i++)
        {
            *next++ = (ulong)arguments[i];
        }

        *next++ = 0;
        for (int i = 0; i < words.VariableCount; i++)
        {
            *next++ = (ulong)variables[i];
        }

        *next++ = (ulong)own;
        own = AppendHeapLimit(own);
        *next++ = (ulong)own;
        own = Append(own, "HOME=/\0"u8);
        *next++ = (ulong)own;
        _ = Append(own, "PATH=/\0"u8);
        *next++ = 0;

        Auxiliary(ref next, AT_PHDR, KernelMappings.ProgramHeaders);
        Auxiliary(ref next, AT_PHENT, (ulong)sizeof(ElfProgramHeader));
        Auxiliary(ref next, AT_PHNUM, (ulong)KernelMappings.SegmentCount);
        Auxiliary(ref next, AT_PAGESZ, Pages.Size);
        Auxiliary(ref next, AT_ENTRY, Image.ProgramEntry);
        Auxiliary(ref next, AT_UID, 0);
        Auxiliary(ref next, AT_EUID, 0);
        Auxiliary(ref next, AT_GID, 0);
        Auxiliary(ref next, AT_EGID, 0);
        Auxiliary(ref next, AT_CLKTCK, 100);
        Auxiliary(ref next, AT_SECURE, 0);
        Auxiliary(ref next, AT_RANDOM, (ulong)random);
        Auxiliary(ref next, AT_NULL, 0);
        return (ulong)stack;
    }

    private static void Auxiliary(ref ulong* next, ulong type, ulong value)
    {
        *next++ = type;
        *next++ = value;
    }

    /// <summary>
    /// The collector's hard limit. Without one it would size itself by a Linux machine's habits; with it, it answers a full heap with
    /// OutOfMemoryException while glibc and stacks still find memory.
    /// </summary>
    private static byte* AppendHeapLimit(byte* target)
    {
        target = Append(target, "DOTNET_GCHeapHardLimit=0x"u8);
        ulong limit = HeapLimit();
        bool started = false;
        for (int shift = 60; shift >= 0; shift -= 4)
        {
            uint digit = (uint)(limit >> shift) & 15;
            started |= digit != 0;
            if (started)
            {
                *target++ = (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
            }
        }

        *target++ = 0;
        return target;
    }

    private static ulong HeapLimit()
    {
        ulong available = MemoryCharge.Available * Pages.Size;
        ulong forOthers = (768 << 10) + available / 16;
        return Pages.RoundDown(available - forOthers);
    }

    private static byte* Append(byte* target, ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            *target++ = text[i];
        }

        return target;
    }
}
