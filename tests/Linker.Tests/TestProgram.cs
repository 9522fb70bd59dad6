using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

/// <summary>
/// A program small enough to be assembled here, with every kind of section the real one has, and a nucleus that reports the processor's
/// state on port 0xE9 and ends the emulator.
/// </summary>
internal static class TestProgram
{
    /// <summary>What the nucleus reports, eight bytes each, in this order.</summary>
    public static readonly string[] Report =
        ["argument", "rsp", "rflags", "cs", "ss", "cr0", "cr3", "cr4", "efer", "fsbase", "gsbase", "mxcsr", "fcw", "in_nucleus",
            "stack_top", "rbp"];

    private const int ReportPort = 0xE9, ExitPort = 0xF4;
    private const uint Tls = 0x400, InitArray = 14;

    /// <summary>Writes the program's object file.</summary>
    public static byte[] Write()
    {
        ObjectWriter writer = new();
        ObjectSection text = writer.AddCode(".text");
        Function(writer, text, "_start", c => c.ud2());
        Function(writer, text, "xenlet_nucleus_start", EmitNucleus);
        foreach (string name in (string[])["xenlet_on_system_call", "xenlet_on_trap", "xenlet_on_nmi", "xenlet_on_pending_nmi",
            "xenlet_on_nucleus_fault", "__errno_location"])
        {
            Function(writer, text, name, c => c.ud2());
        }

        ObjectSection managed = writer.AddCode("__managedcode");
        Function(writer, managed, "managed_function", c => c.ret());
        Function(writer, writer.AddCode("__unbox"), "unbox_function", c => c.ret());


        // An odd size, so that what follows has to be aligned anew.
        Data(writer, writer.Add(".rodata", 1, 2), "constant", 25);
        Data(writer, writer.AddData(".data"), "variable", 24);
        Data(writer, writer.AddData(".data.rel.ro"), "pointer", 8, "constant");
        Data(writer, writer.AddData("__modules"), "module", 8, "managed_function");
        Data(writer, writer.Add(".init_array", InitArray, 3), "initialiser", 8, "managed_function");
        Data(writer, writer.Add(".tdata", 1, 3 | Tls), "thread_variable", 16);
        writer.Define("zeros", writer.AddZeros(".bss"), 0, 100, SymbolKind.Data);
        writer.AddZeros("unused").Reserve(0, 1);

        // Sections a C compiler adds, which the image has no use for.
        writer.AddNotes(".note.gnu.property").Append(GnuNote(5, [2, 0, 0, 0xC0, 4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]), 8, []);
        writer.AddNotes(".note.ABI-tag").Append(GnuNote(1, new byte[16]), 4, []);
        writer.AddMarker(".comment").Append("test"u8, 1, []);
        writer.AddMarker(".note.GNU-stack");
        writer.Add(".eh_frame", 1, 2).Append(UnwindTable, 8, [new Relocation(0x20, RelocationType.Relative32, "managed_function", 0)]);
        return writer.Write();
    }

    // One common information entry and one frame description, for a function of one byte.
    private static ReadOnlySpan<byte> UnwindTable =>
    [
        0x14, 0, 0, 0, 0, 0, 0, 0, 1, (byte)'z', (byte)'R', 0, 1, 0x78, 16, 1, 0x1B, 0x0C, 7, 8, 0x90, 1, 0, 0,
        0x10, 0, 0, 0, 0x1C, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    ];

    private static void Function(ObjectWriter writer, ObjectSection section, string name, Action<Assembler> emit)
    {
        StubEmitter emitter = new(64);
        emit(emitter.Code);
        Block block = emitter.ToBlock(name);
        writer.Define(name, section, section.Append(block.Bytes, 16, []), block.Size, SymbolKind.Function);
    }

    private static void Data(ObjectWriter writer, ObjectSection section, string name, int size, string? target = null)
    {
        IEnumerable<Relocation> relocations = target is null ? [] : [new Relocation(0, RelocationType.Absolute64, target, 0)];
        writer.Define(name, section, section.Append(new byte[size], 8, relocations), size, SymbolKind.None);
    }

    private static byte[] GnuNote(byte type, byte[] value) =>
        [4, 0, 0, 0, (byte)value.Length, 0, 0, 0, type, 0, 0, 0, (byte)'G', (byte)'N', (byte)'U', 0, .. value];

    private static void EmitNucleus(Assembler c)
    {
        // Each value is pushed, the last of the report first, so that they lie in memory in its order.
        c.mov(r15, rsp);
        c.push(rbp);
        c.push(__qword_ptr.gs[8]);
        c.push(__qword_ptr.gs[16]);
        c.push(0);
        c.fnstcw(__word_ptr[rsp]);
        c.push(0);
        c.stmxcsr(__dword_ptr[rsp]);
        PushMsr(c, 0xC000_0101);
        PushMsr(c, 0xC000_0100);
        PushMsr(c, 0xC000_0080);
        PushControl(c, cr4);
        PushControl(c, cr3);
        PushControl(c, cr0);
        c.mov(eax, ss);
        c.push(rax);
        c.mov(eax, cs);
        c.push(rax);
        c.pushfq();
        c.push(r15);
        c.push(rdi);
        c.mov(rsi, rsp);
        c.mov(ecx, 8 * Report.Length);
        c.mov(edx, ReportPort);
        c.rep.outsb();
        c.mov(edx, ExitPort);
        c.@out(dx, al);
        c.ud2();
    }

    private static void PushMsr(Assembler c, uint register)
    {
        c.mov(ecx, register);
        c.rdmsr();
        c.shl(rdx, 32);
        c.or(rax, rdx);
        c.push(rax);
    }

    private static void PushControl(Assembler c, AssemblerRegisterCR register)
    {
        c.mov(rax, register);
        c.push(rax);
    }
}
