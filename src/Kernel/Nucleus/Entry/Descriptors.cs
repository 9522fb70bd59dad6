using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>Sets up the segments, the interrupt descriptor table, and the task-state segment with the exception stacks.</summary>
internal static unsafe class Descriptors
{
    private const int TaskEntry = Selectors.TaskState / 8;

    // Present, DPL 0, 64-bit interrupt gate: interrupts are off on entry.
    private const ulong InterruptGate = 0x8e00UL << 32;

    private const ulong Present = 1UL << 47;

    private const int VectorCount = 256;

    public static void Initialise()
    {
        TaskState* task = (TaskState*)Image.TaskState;
        task->Ist1 = Image.ExceptionStackTop;
        task->Ist2 = Image.NmiStackTop;
        task->Ist3 = Image.DoubleFaultStackTop;
        task->Ist4 = Image.MachineCheckStackTop;
        task->IoMapOffset = (ushort)sizeof(TaskState);

        ulong address = (ulong)task;
        ulong limit = (ulong)sizeof(TaskState) - 1;
        for (int i = 0; i < TaskEntry; i++)
        {
            Image.Gdt[i] = Image.BootGdt[i];
        }

        // Present, available 64-bit TSS. The processor marks it busy right away, and never writes to the table again.
        Image.Gdt[TaskEntry] = limit | (address & 0xff_ffff) << 16 | 0x89UL << 40 | (address >> 24 & 0xff) << 56;
        Image.Gdt[TaskEntry + 1] = address >> 32;
        Machine.LoadGdt(Image.Gdt, (TaskEntry + 2) * 8 - 1);
        Machine.LoadTaskRegister(Selectors.TaskState);

        ulong* table = Image.InterruptTable;
        for (uint vector = 0; vector < VectorCount; vector++)
        {
            ulong stack = vector switch
            {
                Vector.Nmi => 2,
                Vector.DoubleFault => 3,
                Vector.MachineCheck => 4,
                _ => 1UL,
            };
            ulong entry = Image.Vectors + vector * 16;
            table[vector * 2] = (entry & 0xffff) | Frame.CodeSelector << 16 | stack << 32 | InterruptGate | (entry >> 16 & 0xffff) << 48;
            table[vector * 2 + 1] = entry >> 32;
        }

        Machine.LoadIdt(table, VectorCount * 16 - 1);
    }

    /// <summary>Makes an interrupt arrive as #NP, whose error code gives the vector: see <see cref="RepeatedInjection"/>.</summary>
    public static void MarkNotPresent(uint vector) => Image.InterruptTable[vector * 2] &= ~Present;

    /// <summary>
    /// Makes the tables read-only, for the nucleus too. A stray write then faults at once, instead of changing what the next interrupt
    /// does. Call it once, after the last write to them.
    /// </summary>
    public static void Seal() => PageTable.Protect(Image.Sealed, Image.SealedEnd, PageTable.Present | PageTable.NoExecute);

    /// <summary>Makes SYSCALL, even from ring 0, enter the nucleus with interrupts, direction flag and single-stepping off.</summary>
    public static void EnableSystemCalls()
    {
        Machine.WriteMsr(Msr.Star, Frame.CodeSelector << 32);
        Machine.WriteMsr(Msr.LStar, Image.SystemCallEntry);
        Machine.WriteMsr(Msr.SFMask, 0x700);
    }

    /// <summary>The 64-bit task-state segment (AMD64 APM volume 2, figure 12-8).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 104)]
    private struct TaskState
    {
        [FieldOffset(36)] public ulong Ist1;
        [FieldOffset(44)] public ulong Ist2;
        [FieldOffset(52)] public ulong Ist3;
        [FieldOffset(60)] public ulong Ist4;
        [FieldOffset(102)] public ushort IoMapOffset;
    }
}
