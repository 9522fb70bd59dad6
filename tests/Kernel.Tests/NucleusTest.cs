using System.Reflection;
using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests;

/// <summary>
/// A test on a nucleus that has just booted without Xen: RAM, page tables, a clock that stands still until <see cref="Now"/> is
/// changed, and a first thread that runs. What a program would do goes through the entries of system calls and traps.
/// </summary>
public abstract unsafe class NucleusTest
{
    /// <summary>Frames of RAM unless a test says otherwise.</summary>
    protected const ulong DefaultFrames = 1024;

    /// <summary>Where the heap of brk begins.</summary>
    protected const ulong ImageEnd = 0x3000_0000;

    /// <summary>2024-02-29 12:34:56 UTC, what the battery clock shows at boot.</summary>
    protected const ulong BootUnixTime = 1_709_210_096;

    private static readonly Type[] HostTypes = [typeof(Machine), typeof(KernelLog), typeof(Panic), typeof(LocalApic), typeof(ProbeMemory)];

    private static readonly FieldInfo[] StateFields =
    [
        .. typeof(FrameAllocator).Assembly.GetTypes()
            .Where(
                type => type.Namespace?.StartsWith("Xenlet.Kernel.Nucleus.", StringComparison.Ordinal) == true && !HostTypes.Contains(type))
            .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Where(field => !field.IsLiteral && !field.IsInitOnly && (field.FieldType.IsValueType || field.FieldType.IsPointer)),
    ];

    private static ulong s_now;

    protected NucleusTest(ulong frames = DefaultFrames) => Boot(frames);

    /// <summary>The time-stamp counter, which counts nanoseconds from boot.</summary>
    protected static ulong Now
    {
        get => s_now;
        set => s_now = value;
    }

    private protected static Thread* Current => Scheduler.Current;

    /// <summary>Sets every static field of the nucleus to zero, as the loader does.</summary>
    protected static void ResetState()
    {
        Machine.Reset();
        LocalApic.Reset();
        *Image.Clock = default;
        foreach (FieldInfo field in StateFields)
        {
            object zero = field.FieldType.IsPointer
                ? Pointer.Box(null, field.FieldType)
                : RuntimeHelpers.GetUninitializedObject(field.FieldType);
            field.SetValue(null, zero);
        }
    }

    /// <summary>Starts with the given ranges of RAM, as far as the frame allocator.</summary>
    protected static void StartMemory(params (ulong Start, ulong End)[] ram)
    {
        ResetState();
        HostMemory.Reset(HostMemory.Size);
        InitialiseMap([.. ram.Select(range => new MemoryMapEntry { Address = range.Start, Size = range.End - range.Start, Type = 1 })]);
        FrameAllocator.Initialise(0x20_0000, 0x40_0000);
    }

    private protected static void InitialiseMap(MemoryMapEntry[] entries)
    {
        fixed (MemoryMapEntry* first = entries)
        {
            StartInfo info = new() { Version = 1, MemoryMapAddress = (ulong)first, MemoryMapEntries = (uint)entries.Length };
            LoaderMemoryMap.Read(&info);
        }
    }

    /// <summary>Starts a machine with so many frames of RAM and lets its first thread run.</summary>
    protected static void Boot(ulong frames)
    {
        BootMemory(frames);
        StartClock();
        Nucleus.Platform.Timer.Initialise();
        ConsoleDevice.Initialise();
        ConsoleDevice.DeviceReady();
        Nucleus.Linux.Files.FileTable.Initialise();
        Assert.True(Nucleus.Linux.FileSystem.KnownFiles.TryInitialise());
        Thread* first = ThreadTable.Create();
        PrepareFrame(first);
        Scheduler.Initialise(first);
        Assert.True(NucleusExit.Leave() == &first->Frame);
        LocalApic.Reset();
    }

    /// <summary>Starts a machine as far as the program's address space.</summary>
    protected static void BootMemory(ulong frames)
    {
        ResetState();
        ulong size = frames * Pages.Size;
        HostMemory.Reset(size);
        InitialiseMap([new MemoryMapEntry { Address = HostMemory.Base, Size = size, Type = 1 }]);
        FrameAllocator.Initialise(0x20_0000, 0x40_0000);
        PageTable.Initialise();
        PageTable.Activate();
        MemoryCharge.Initialise();
        SocketMemory.Initialise();
        AddressSpace.Initialise(ImageEnd);
    }

    /// <summary>Promises all memory that can be promised, as a program does whose heaps have it.</summary>
    protected static void ChargeAllMemory()
    {
        while (MemoryCharge.TryCharge(1))
        {
        }
    }

    private protected static void PrepareFrame(Thread* thread)
    {
        thread->Frame.ResetFloatingPoint();
        thread->Frame.Rip = 0x40_0000;
        thread->Frame.Cs = Frame.CodeSelector;
        thread->Frame.Ss = Frame.DataSelector;
        thread->Frame.Rflags = Frame.InitialFlags;
    }

    /// <summary>Makes a system call as the running thread.</summary>
    /// <returns>The registers that are resumed.</returns>
    private protected static Frame* Enter(int number, params ulong[] arguments)
    {
        Frame* frame = &Current->Frame;
        ulong[] all = [.. arguments, .. new ulong[6 - arguments.Length]];
        frame->Vector = (ulong)number;
        frame->ErrorCode = ulong.MaxValue;
        frame->Rdi = all[0];
        frame->Rsi = all[1];
        frame->Rdx = all[2];
        frame->R10 = all[3];
        frame->R8 = all[4];
        frame->R9 = all[5];
        frame->Rax = 0x5555_5555_5555_5555;
        return SystemCallDispatch.OnSystemCall(frame);
    }

    /// <summary>Makes a system call that must return to its caller at once, and gives its result.</summary>
    protected static long Call(int number, params ulong[] arguments)
    {
        Thread* caller = Current;
        Frame* resumed = Enter(number, arguments);
        Assert.True(resumed == &caller->Frame, "another thread was resumed");
        return (long)resumed->Rax;
    }

    /// <summary>Makes a system call that must park its caller, and gives the parked thread.</summary>
    private protected static Thread* Park(int number, params ulong[] arguments)
    {
        Thread* caller = Current;
        Frame* resumed = Enter(number, arguments);
        Assert.True(resumed != &caller->Frame, $"the call returned {(long)resumed->Rax}");
        Assert.Equal(ThreadState.Blocked, caller->State);
        return caller;
    }

    /// <summary>An interrupt or exception of the running thread.</summary>
    private protected static Thread* Trap(int vector, ulong errorCode = 0, ulong address = 0)
    {
        Frame* frame = &Current->Frame;
        frame->Vector = (ulong)vector;
        frame->ErrorCode = errorCode;
        frame->Cr2 = address;
        return (Thread*)TrapDispatch.OnTrap(frame);
    }

    /// <summary>Lets time pass and the timer interrupt come.</summary>
    private protected static Thread* TimerInterrupt(ulong at)
    {
        Now = at;
        return Trap(Vector.ApicTimer);
    }

    /// <summary>Starts a thread with clone3, after which the running thread continues.</summary>
    private protected static Thread* Spawn()
    {
        ulong arguments = Allocate(1);
        ulong* words = (ulong*)arguments;
        words[0] = 0x3d_0f00 & ~0x300000ul; // What pthread_create asks for, without the thread ids.
        words[5] = arguments + 0x800;
        words[6] = 0x800;
        long id = Call(SystemCallNumber.Clone3, arguments, 64);
        Assert.True(id > 1, $"clone3 returned {id}");
        return ThreadTable.Find((int)id);
    }

    /// <summary>Maps readable and writable pages and touches them, so that a test can use them like any memory.</summary>
    protected static ulong Allocate(ulong pages)
    {
        long address = MemoryCalls.Map(0, pages * Pages.Size, 3, 0x22, -1);
        Assert.True(address > 0, $"mmap returned {address}");
        Assert.Equal(0, ProgramMemory.PrepareWrite((ulong)address, pages * Pages.Size));
        return (ulong)address;
    }

    /// <summary>Makes a pipe.</summary>
    /// <param name="descriptors">Where the call writes the two descriptors.</param>
    /// <param name="flags">Of pipe2.</param>
    protected static (ulong Reader, ulong Writer) MakePipe(ulong descriptors, ulong flags)
    {
        Assert.Equal(0, Call(SystemCallNumber.Pipe2, descriptors, flags));
        return (((uint*)descriptors)[0], ((uint*)descriptors)[1]);
    }

    /// <summary>Puts bytes into the program's memory.</summary>
    protected static ulong Store(ReadOnlySpan<byte> bytes)
    {
        ulong address = Allocate(1);
        bytes.CopyTo(new Span<byte>((void*)address, 4096));
        return address;
    }

    protected static byte[] Load(ulong address, int count) => new Span<byte>((void*)address, count).ToArray();

    /// <summary>Checks that no frame is lost, used twice, or both used and free.</summary>
    /// <param name="others">Frames that are neither tables nor pages: the pools of the nucleus, buffers of pipes.</param>
    /// <returns>Page tables and pages in use.</returns>
    protected static (int Tables, int Pages) AssertFramesAccountedFor(out ulong others)
    {
        HashSet<ulong> frames = [];
        (int tables, int pages) = HostMemory.Census(frames);
        ulong free = (ulong)typeof(FrameAllocator).GetField("s_freeList", BindingFlags.Static | BindingFlags.NonPublic)!.GetValue(null)!;
        for (; free != 0; free = *(ulong*)free)
        {
            Assert.True(frames.Add(free), $"frame {free:x} is free and used, or free twice");
        }

        others = FrameAllocator.TotalFrames - FrameAllocator.FreeFrames - (ulong)(tables + pages);
        return (tables, pages);
    }

    /// <summary>Calibrates the clock so that the counter counts nanoseconds, and leaves it at 0.</summary>
    private static void StartClock()
    {
        // Ten milliseconds of the interval timer, in whole nanoseconds: what the calibration takes them to be.
        const ulong calibration = 11_932ul * 1_000_000_000 / 1_193_182;
        s_now = 0;
        Machine.TimeStampCounter = static () => s_now;
        Machine.PortInput = (port, _) => port switch
        {
            0x61 => SpeakerPort(),
            0x71 => CmosRegister((byte)Machine.PortOutput.FindLast(static write => write.Port == 0x70).Value),
            0x3fd => 0x20,
            _ => uint.MaxValue,
        };
        TscClock.Initialise();
        s_now = 0;
        Field(typeof(TscClock), "s_last").SetValue(null, 0ul);
        Field(typeof(TscClock), "<WallClockOffset>k__BackingField").SetValue(null, BootUnixTime * 1_000_000_000);

        static uint SpeakerPort()
        {
            // The output rises when the timer's gate input is on.
            bool gate = (Machine.PortOutput.FindLast(static write => write.Port == 0x61).Value & 1) != 0;
            s_now = gate ? calibration : 0;
            return gate ? 0x20u : 0;
        }
    }

    private protected static FieldInfo Field(Type type, string name) =>
        type.GetField(name, BindingFlags.Static | BindingFlags.NonPublic)
        ?? throw new ArgumentException($"{type.Name} has no field {name}");

    /// <summary>The battery clock at 2024-02-29 12:34:56, decimal digits and 24 hours.</summary>
    private static uint CmosRegister(byte index) => index switch
    {
        0 => 0x56,
        2 => 0x34,
        4 => 0x12,
        7 => 0x29,
        8 => 0x02,
        9 => 0x24,
        0x0b => 2,
        _ => 0,
    };
}
