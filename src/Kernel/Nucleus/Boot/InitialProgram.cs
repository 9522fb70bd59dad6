using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>
/// The program's first thread and its stack, as Linux's execve sets it up: argument count, arguments, environment, auxiliary vector (System
/// V ABI, AMD64 supplement, section 3.4.1).
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
    private const ulong AT_EXECFN = 31;

    private const int RandomSize = 16;
    private const int MaximumOwnVariables = 6;

    // Below this heap size, the collector's defaults do not fit.
    private const ulong SmallHeap = 48 << 20;
    private const ulong SmallRegion = 256 << 10;
    private const ulong SmallHeapRange = 256 << 20;

    // Strings: the program's name, the nucleus's variables, the words of the command line.
    private const ulong StringsSize = 8192;

    /// <summary>Creates the first thread, which starts at glibc's entry point.</summary>
    public static Thread* Create(byte* commandLine, int length)
    {
        Thread* thread = ThreadTable.Create();
        ulong top = thread == null ? 0 : ThreadStack.MapMain(thread, RandomNumbers.Next());
        const ulong needed = StringsSize + 4096;
        if (top == 0 || ProgramMemory.PrepareWrite(top - needed, needed) < 0)
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
        byte* random = (byte*)(top - RandomSize);
        RandomNumbers.Fill(random, RandomSize);

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
        own = Append(own, KnownFiles.ProgramPath);

        // getenv takes the first: the administrator's variables come before the image's, and those before the nucleus's.
        int ofImage = (int)ImageFiles.VariableCount;
        int count = 1 + words.ArgumentCount + 1 + words.VariableCount + ofImage + MaximumOwnVariables + 1;
        const int auxiliaryWords = 28;
        ulong* stack = (ulong*)(((ulong)strings - (ulong)(1 + count + auxiliaryWords) * 8) & ~15UL);
        ulong* next = stack;
        *next++ = (ulong)(1 + words.ArgumentCount);
        *next++ = (ulong)name;
        for (int i = 0; i < words.ArgumentCount; i++)
        {
            *next++ = (ulong)arguments[i];
        }

        *next++ = 0;
        ulong* firstVariable = next;
        for (int i = 0; i < words.VariableCount; i++)
        {
            *next++ = (ulong)variables[i];
        }

        byte* variable = ofImage > 0 ? ImageFiles.FirstVariable : null;
        for (int i = 0; i < ofImage; i++)
        {
            *next++ = (ulong)variable;
            while (*variable++ != 0)
            {
            }
        }

        if (!TemporaryFilesLimit.TrySet((byte**)firstVariable, words.VariableCount + ofImage))
        {
            Panic.BeginWithoutBacktrace("XENLET_TMP, the limit of /tmp, is no number of MiB\n"u8);
            Panic.Crash();
        }

        own = AppendCollectorSettings(own, ref next);
        *next++ = (ulong)own;
        own = Append(own, "HOME=/\0"u8);
        *next++ = (ulong)own;
        own = Append(own, "PATH=/\0"u8);

        // Else glibc gives each of up to eight threads a heap of its own, of 132 KiB that are charged whether used or not, so that threads
        // on several processors need not wait for each other.
        *next++ = (ulong)own;
        _ = Append(own, "MALLOC_ARENA_MAX=1\0"u8);
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
        Auxiliary(ref next, AT_EXECFN, (ulong)name);
        Auxiliary(ref next, AT_NULL, 0);
        return (ulong)stack;
    }

    private static void Auxiliary(ref ulong* next, ulong type, ulong value)
    {
        *next++ = type;
        *next++ = value;
    }

    /// <summary>
    /// The collector's settings. Without a hard limit it would size itself as for a Linux machine. With one, it throws OutOfMemoryException
    /// when the heap is full, while glibc and stacks can still get memory.
    /// </summary>
    /// <remarks>
    /// The number is hexadecimal without a prefix: the runtime reads "0x" as 0 and then has no limit. It reserves addresses for five times
    /// the limit; if that is less than its largest initial regions need, it writes past its tables. A small heap therefore gets an explicit
    /// range. Regions of 256 KiB instead of 1 MiB let generations share a heap of a few MiB.
    /// </remarks>
    private static byte* AppendCollectorSettings(byte* target, ref ulong* next)
    {
        ulong limit = HeapLimit();
        *next++ = (ulong)target;
        target = AppendHexadecimal(Append(target, "DOTNET_GCHeapHardLimit="u8), limit);
        if (limit < SmallHeap)
        {
            *next++ = (ulong)target;
            target = AppendHexadecimal(Append(target, "DOTNET_GCRegionSize="u8), SmallRegion);
            *next++ = (ulong)target;
            target = AppendHexadecimal(Append(target, "DOTNET_GCRegionRange="u8), SmallHeapRange);
        }

        return target;
    }

    private static ulong HeapLimit()
    {
        ulong available = MemoryCharge.Available * Pages.Size;
        ulong forSockets = Image.UsesSockets ? (SocketMemory.Budget - SocketMemory.SetAside) * Pages.Size : 0;
        ulong forOthers = (768 << 10) + available / 16 + forSockets;
        return available > forOthers ? Pages.RoundDown(available - forOthers) : Pages.Size;
    }

    private static byte* AppendHexadecimal(byte* target, ulong value)
    {
        target += Digits.WriteHexadecimal(value, 1, target);
        *target++ = 0;
        return target;
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
