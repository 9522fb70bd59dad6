using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Xenlet.Linker.LeafFunctions;

namespace Xenlet.Linker;

/// <summary>Descriptor tables, floating point state, and halting.</summary>
public static class ProcessorState
{
    /// <summary>Assembles the functions.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        // The segment registers keep their hidden parts, so a new table must have the same segments at the same selectors.
        LoadTable("xenlet_load_gdt", static (c, pointer) => c.lgdt(pointer)),
        LoadTable("xenlet_load_idt", static (c, pointer) => c.lidt(pointer)),
        Function("xenlet_load_task_register", static c =>
        {
            c.ltr(edi);
            c.ret();
        }),
        Function("xenlet_save_floating_point", static c =>
        {
            c.fxsave64(__[rdi]);
            c.ret();
        }),
        Function("xenlet_halt", static c =>
        {
            Label again = c.CreateLabel();
            c.cli();

            // An NMI ends hlt even with interrupts off.
            c.Label(ref again);
            c.hlt();
            c.jmp(again);
        }),
        Function("xenlet_pause", static c =>
        {
            c.pause();
            c.ret();
        }),
    ];

    private static Block LoadTable(string name, Action<Assembler, AssemblerMemoryOperand> load) => Function(name, c =>
    {
        // The operand in memory: 16 bits of limit, then 64 of base, here so that the base is aligned.
        c.sub(rsp, 24);
        c.mov(__word_ptr[rsp + 6], si);
        c.mov(__qword_ptr[rsp + 8], rdi);
        load(c, __[rsp + 6]);
        c.add(rsp, 24);
        c.ret();
    });
}
