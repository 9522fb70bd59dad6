using Iced.Intel;
using Xenlet.Kernel.Nucleus.Base;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

/// <summary>
/// Runs the entries and the return on this processor. Two things in the image need ring 0 and are replaced: cr2 reads as zero, and Linux
/// sets the GS base. Everything else is the product's own code: a fake program enters with known registers, a fake nucleus records what it
/// sees and overwrites every register, and the fake program records what it gets back.
/// </summary>
internal sealed unsafe partial class EntryHarness : IDisposable
{
    /// <summary>General registers in the order of a frame.</summary>
    public const int Registers = 15;

    /// <summary>Selectors Linux gives a 64-bit program; iretq takes no others here.</summary>
    public const ulong UserCode = 0x33, UserData = 0x2B;

    /// <summary>Bytes below rsp that belong to a leaf function.</summary>
    public const int RedZone = 128;

    private const int HostStack =
        0, Target = 8, SeenFrame = 0x10, SeenStack = 0x18, SeenInNucleus = 0x20, SeenFlags = 0x28, SeenHandler = 0x30,
        Answer = 0x38, SeenFramePointer = 0x40, SeenSecond = 0x48, KeptLive = 0x50, In = 0x100, Out = 0x200,
        XmmIn = 0x300, XmmOut = 0x400, ControlIn = 0x500, ControlOut = 0x508, ControlOfHost = 0x510;

    private const int StackSize = 0x4000, ArchPrctl = 158, ArchSetGs = 0x1001;
    private readonly HostImage _image = new();
    private readonly byte* _control;
    private readonly byte* _programStack;

    public EntryHarness()
    {
        _control = _image.Reserve(0x600);
        _programStack = _image.Reserve(StackSize);

        // Linux may deliver a signal while rsp is in a frame, and needs room below it.
        _image.Reserve(0x8000);
        Current = new FakeFrame(_image.Reserve(1024));
        _image.Reserve(0x8000);
        Next = new FakeFrame(_image.Reserve(1024));

        AddHandler("xenlet_on_system_call", 1, returns: true);
        AddHandler("xenlet_on_trap", 2, returns: true);
        AddHandler("xenlet_on_nucleus_fault", 3, returns: false);
        AddHandler("xenlet_on_nmi", 4, returns: true);
        AddHandler("xenlet_on_pending_nmi", 5, returns: true, isCalledOnTheWayOut: true);
        _image.Define("__errno_location", null);
        _image.Load(Stubs.All.Values.Where(b => b.Section is BlockSection.Text or BlockSection.Bss).Select(WithoutCr2));
        Start = _image.Add("start", EmitStart);
        Landing = _image.Add("landing", EmitLanding);

        ulong* cpu = (ulong*)_image["xenlet_cpu"];
        cpu[0] = (ulong)Current.Start;
        cpu[1] = (ulong)_image["xenlet_nucleus_stack_top"];
    }

    /// <summary>The frame of the thread that runs.</summary>
    public FakeFrame Current { get; }

    /// <summary>The frame the fake nucleus gives back.</summary>
    public FakeFrame Next { get; }

    /// <summary>The frame of a fault in the nucleus.</summary>
    public FakeFrame Fault => new((byte*)_image["xenlet_fault_frame"]);

    /// <summary>The frame of the code that a non-maskable interrupt interrupted.</summary>
    public FakeFrame Nmi => new((byte*)_image["xenlet_nmi_frame"]);

    /// <summary>Where the fake program continues.</summary>
    public nint Landing { get; }

    /// <summary>The fake program's rsp.</summary>
    public ulong ProgramStack => (ulong)_programStack + (StackSize / 2);

    public ref ulong InNucleus => ref *(ulong*)(_image["xenlet_cpu"] + CpuLayout.InNucleus);

    public ref ulong FloatingPointIsLive => ref *(ulong*)(_image["xenlet_cpu"] + CpuLayout.FloatingPointIsLive);

    public ref ulong NmiPending => ref *(ulong*)(_image["xenlet_cpu"] + CpuLayout.NmiPending);

    /// <summary>
    /// Whether the fake nucleus lets x87 and MXCSR of the program be in the processor, as it does while no other thread is chosen.
    /// </summary>
    public bool KeepsFloatingPointLive { get; set; } = true;

    public ulong CurrentThread => *(ulong*)_image["xenlet_cpu"];

    /// <summary>
    /// Which of the nucleus's functions was called: 1 system call, 2 trap, 3 fault, 4 non-maskable interrupt, 5 one that is pending. The
    /// last one.
    /// </summary>
    public ulong Handler => At(SeenHandler);

    public ulong HandlerArgument => At(SeenFrame);

    public ulong HandlerSecondArgument => At(SeenSecond);

    public ulong HandlerStack => At(SeenStack);

    public ulong HandlerInNucleus => At(SeenInNucleus);

    public ulong HandlerFlags => At(SeenFlags);

    public ulong HandlerFramePointer => At(SeenFramePointer);

    private nint Start { get; }

    public nint this[string symbol] => _image[symbol];

    /// <summary>The general registers the program enters with.</summary>
    public Span<ulong> Entering => new(_control + In, Registers);

    /// <summary>The general registers with which it continues; rsp and rflags after them.</summary>
    public Span<ulong> Leaving => new(_control + Out, Registers + 2);

    /// <summary>MXCSR and the x87 control word that the program enters with.</summary>
    public (uint Mxcsr, ushort X87) EnteringControl { get; set; } = (0x1F80, 0x37F);

    /// <summary>Those with which it continues.</summary>
    public (uint Mxcsr, ushort X87) LeavingControl => (*(uint*)(_control + ControlOut), *(ushort*)(_control + ControlOut + 4));

    public Span<ulong> EnteringXmm => new(_control + XmmIn, 32);

    public Span<ulong> LeavingXmm => new(_control + XmmOut, 32);

    /// <summary>Enters as <c>syscall</c> does.</summary>
    public void EnterSystemCall() => Run(_image["xenlet_system_call_entry"], ProgramStack);

    /// <summary>Enters as the processor does: on an IST stack, with what it pushes.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="errorCode">The error code, or nothing for a vector without.</param>
    /// <param name="stackTop">The symbol of the IST stack's top.</param>
    /// <param name="rip">The interrupted instruction.</param>
    /// <param name="rflags">The interrupted flags.</param>
    public void EnterTrap(int vector, ulong? errorCode, string stackTop, ulong rip, ulong rflags)
    {
        ulong* top = (ulong*)_image[stackTop];
        *--top = UserData;
        *--top = ProgramStack;
        *--top = rflags;
        *--top = UserCode;
        *--top = rip;
        if (errorCode is { } code)
        {
            *--top = code;
        }

        Run(_image["xenlet_vectors"] + (16 * vector), (ulong)top);
    }

    /// <summary>Whether the bytes a leaf function may use are as they were before the entry.</summary>
    public bool RedZoneIsIntact => new Span<byte>((byte*)ProgramStack - RedZone, RedZone).IndexOfAnyExcept((byte)0x5A) < 0;

    public void Dispose() => _image.Dispose();

    private void Run(nint target, ulong stack)
    {
        Assert.Equal(0, SystemCall(ArchPrctl, ArchSetGs, _image["xenlet_cpu"]));
        new Span<byte>(_programStack, StackSize).Fill(0x5A);
        *(ulong*)(_control + Target) = (ulong)target;
        *(ulong*)(_control + Answer) = (ulong)Next.Start;
        *(ulong*)(_control + SeenHandler) = 0;
        *(ulong*)(_control + KeptLive) = KeepsFloatingPointLive ? ulong.MaxValue : 0;
        *(uint*)(_control + ControlIn) = EnteringControl.Mxcsr;
        *(ushort*)(_control + ControlIn + 4) = EnteringControl.X87;
        *(ulong*)(_control + In + (8 * Registers)) = stack;
        ((delegate* unmanaged<void>)Start)();
    }

    private ulong At(int offset) => *(ulong*)(_control + offset);

    private static AssemblerRegister64[] FrameOrder => [r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi];

    private static AssemblerRegister64[] CalleeSaved => [rbx, rbp, r12, r13, r14, r15];

    private static AssemblerRegisterXMM[] Xmm =>
        [xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    private static Block WithoutCr2(Block block)
    {
        // xor rcx, rcx for mov rcx, cr2: three bytes both.
        byte[] read = [0x0F, 0x20, 0xD1], zero = [0x48, 0x31, 0xC9];
        byte[] bytes = (byte[])block.Bytes.Clone();
        int at = bytes.AsSpan().IndexOf(read);
        if (at >= 0 && block.Name is "xenlet_trap_common" or "xenlet_fatal_trap" or "xenlet_nmi_entry")
        {
            zero.CopyTo(bytes.AsSpan(at));
        }

        return block with { Bytes = bytes };
    }

    private void EmitStart(Assembler c)
    {
        foreach (AssemblerRegister64 register in CalleeSaved)
        {
            c.push(register);
        }

        c.mov(rax, (ulong)_control);
        c.mov(__qword_ptr[rax + HostStack], rsp);
        for (int i = 0; i < Xmm.Length; i++)
        {
            c.movups(Xmm[i], __xmmword_ptr[rax + XmmIn + (16 * i)]);
        }

        c.stmxcsr(__dword_ptr[rax + ControlOfHost]);
        c.fnstcw(__word_ptr[rax + ControlOfHost + 4]);
        c.ldmxcsr(__dword_ptr[rax + ControlIn]);
        c.fldcw(__word_ptr[rax + ControlIn + 4]);
        c.mov(rsp, __qword_ptr[rax + In + (8 * Registers)]);
        for (int i = 0; i < Registers; i++)
        {
            if (FrameOrder[i] != rax)
            {
                c.mov(FrameOrder[i], __qword_ptr[rax + In + (8 * i)]);
            }
        }

        // A program may have the direction flag set; the nucleus's C# relies on its being clear.
        c.std();
        c.mov(rax, __qword_ptr[rax + In + (8 * Array.IndexOf(FrameOrder, rax))]);
        c.jmp(__qword_ptr[(ulong)_control + Target]);
    }

    private void EmitLanding(Assembler c)
    {
        c.mov(__qword_ptr[(ulong)_control + Out + (ulong)(8 * Array.IndexOf(FrameOrder, rax))], rax);
        c.mov(rax, (ulong)_control);
        for (int i = 0; i < Registers; i++)
        {
            if (FrameOrder[i] != rax)
            {
                c.mov(__qword_ptr[rax + Out + (8 * i)], FrameOrder[i]);
            }
        }

        for (int i = 0; i < Xmm.Length; i++)
        {
            c.movups(__xmmword_ptr[rax + XmmOut + (16 * i)], Xmm[i]);
        }

        c.stmxcsr(__dword_ptr[rax + ControlOut]);
        c.fnstcw(__word_ptr[rax + ControlOut + 4]);
        c.ldmxcsr(__dword_ptr[rax + ControlOfHost]);
        c.fldcw(__word_ptr[rax + ControlOfHost + 4]);
        c.mov(__qword_ptr[rax + Out + (8 * Registers)], rsp);
        c.mov(rsp, __qword_ptr[rax + HostStack]);
        c.pushfq();
        c.pop(rcx);
        c.mov(__qword_ptr[rax + Out + (8 * Registers) + 8], rcx);
        EmitReturnToHost(c);
    }

    private static void EmitReturnToHost(Assembler c)
    {
        c.cld();
        foreach (AssemblerRegister64 register in CalleeSaved.Reverse())
        {
            c.pop(register);
        }

        c.ret();
    }

    private void AddHandler(string name, int number, bool returns, bool isCalledOnTheWayOut = false) => _image.Add(name, c =>
    {
        c.mov(rax, (ulong)_control);
        c.mov(__qword_ptr[rax + SeenFrame], rdi);
        c.mov(__qword_ptr[rax + SeenSecond], rsi);
        c.mov(__qword_ptr[rax + SeenStack], rsp);
        c.mov(__qword_ptr[rax + SeenFramePointer], rbp);
        c.pushfq();
        c.pop(rcx);
        c.mov(__qword_ptr[rax + SeenFlags], rcx);
        c.mov(rcx, __qword_ptr.gs[CpuLayout.InNucleus]);
        c.mov(__qword_ptr[rax + SeenInNucleus], rcx);
        c.mov(__qword_ptr[rax + SeenHandler], number);
        if (!returns)
        {
            c.mov(rsp, __qword_ptr[rax + HostStack]);
            EmitReturnToHost(c);
            return;
        }

        c.mov(rcx, __qword_ptr[rax + KeptLive]);
        c.and(__qword_ptr.gs[CpuLayout.FloatingPointIsLive], rcx);
        if (isCalledOnTheWayOut)
        {
            // One that stays pending is reported for ever.
            c.mov(__qword_ptr.gs[CpuLayout.NmiPending], 0);
        }

        foreach (AssemblerRegister64 register in FrameOrder.Where(r => r != rax && !(isCalledOnTheWayOut && CalleeSaved.Contains(r))))
        {
            c.mov(register, 0xBADBADBADBADBADUL);
        }

        foreach (AssemblerRegisterXMM register in Xmm)
        {
            c.pcmpeqd(register, register);
        }

        c.mov(rax, __qword_ptr[rax + Answer]);
        c.ret();
    });

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint first, nint second);
}

/// <summary>A frame, by the offsets that the nucleus's C# code uses too.</summary>
internal sealed unsafe class FakeFrame(byte* start)
{
    public byte* Start { get; } = start;

    public Span<ulong> General => new(Start, 15);

    public ref ulong Vector => ref *(ulong*)(Start + FrameLayout.Vector);

    public ref ulong ErrorCode => ref *(ulong*)(Start + FrameLayout.ErrorCode);

    public ref ulong Rip => ref *(ulong*)(Start + FrameLayout.Rip);

    public ref ulong Cs => ref *(ulong*)(Start + FrameLayout.Cs);

    public ref ulong Rflags => ref *(ulong*)(Start + FrameLayout.Rflags);

    public ref ulong Rsp => ref *(ulong*)(Start + FrameLayout.Rsp);

    public ref ulong Ss => ref *(ulong*)(Start + FrameLayout.Ss);

    public ref ulong Cr2 => ref *(ulong*)(Start + FrameLayout.Cr2);

    public ref ulong FsBase => ref *(ulong*)(Start + FrameLayout.FsBase);

    /// <summary>xmm0 to xmm15 in the fxsave64 area, two words each.</summary>
    public Span<ulong> Xmm => new(Start + FrameLayout.Xmm, 32);

    /// <summary>What follows the frame.</summary>
    public Span<byte> Beyond => new(Start + FrameLayout.Size, 1024 - FrameLayout.Size);

    /// <summary>MXCSR and the x87 control word in the fxsave64 area.</summary>
    public (uint Mxcsr, ushort X87) Control
    {
        get => (*(uint*)(Start + FrameLayout.Fxsave + 24), *(ushort*)(Start + FrameLayout.Fxsave));
        set => (*(uint*)(Start + FrameLayout.Fxsave + 24), *(ushort*)(Start + FrameLayout.Fxsave)) = value;
    }

    /// <summary>Gives the floating point state the values a program starts with.</summary>
    public void ResetFloatingPoint()
    {
        new Span<byte>(Start + FrameLayout.Fxsave, 512).Clear();
        *(ushort*)(Start + FrameLayout.Fxsave) = 0x37F;
        *(uint*)(Start + FrameLayout.Fxsave + 24) = 0x1F80;
    }
}
