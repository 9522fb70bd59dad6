using System.Text;
using Xenlet.Kernel.Tests.Diagnostics;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests.SystemCalls;

/// <summary>The nucleus's reports on threads and memory.</summary>
public sealed unsafe class DiagnosticsCallTests : NucleusTest, IDisposable
{
    private const int RecordSize = 296;

    public void Dispose()
    {
        ProbeMemory.Reset();
        Image.FrameTable = 0;
    }

    [Fact]
    public void Every_thread_is_told_the_caller_first()
    {
        Assert.Equal(RecordSize, sizeof(NucleusThreadRecord));
        ulong word = Store([]);
        Thread* first = Current;
        "idler\0"u8.CopyTo(new Span<byte>(first->Name, 16));
        Thread* second = Spawn();
        Thread* third = Spawn();
        Park(SystemCallNumber.Futex, word, 0, 0);
        Thread* caller = Current;
        Thread* other = caller == second ? third : second;
        Now += 5_000;
        ulong address = Allocate(1);

        Assert.Equal(3, Call(NucleusCall.ReadThreads, address, 8));

        NucleusThreadRecord* records = (NucleusThreadRecord*)address;
        Assert.Equal([caller->Id, other->Id, 1], [records[0].Id, records[1].Id, records[2].Id]);
        Assert.Equal((ThreadState.Blocked, WaitKind.Futex), (records[2].State, records[2].Wait));
        Assert.Equal(ThreadState.Ready, records[1].State);
        Assert.Equal("idler", Encoding.ASCII.GetString(new ReadOnlySpan<byte>(records[2].Name, 5)));
        Assert.Equal(Scheduler.CurrentCpuTime, records[0].CpuTime);
        Assert.Equal((1, first->Frame.Rip), (records[2].Count, records[2].Addresses[0]));
        Assert.Equal(0, records[3].Id);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(60)]
    public void Of_a_deep_stack_the_innermost_and_the_outermost_calls_are_told(int depth)
    {
        UnwinderTests.SyntheticStack stack = new(LoadedImage.OfModule("libc.so.6"), 3, depth);
        stack.Map();
        UnwindRegisters innermost = stack.Innermost;
        Thread* thread = Spawn();
        Load(&thread->Frame, &innermost);
        Image.FrameTable = stack.Image.EhFrameHeader;
        ulong address = Allocate(1);

        Assert.Equal(2, Call(NucleusCall.ReadThreads, address, 2));

        NucleusThreadRecord* record = (NucleusThreadRecord*)address + 1;
        ulong[] all = [.. stack.Addresses];
        ulong[] expected = all.Length <= NucleusThreadRecord.MaximumAddresses
            ? all
            : [.. all[..NucleusThreadRecord.Innermost], .. all[^8..]];
        Assert.Equal(expected, new ReadOnlySpan<ulong>(record->Addresses, record->Count).ToArray());
    }

    [Fact]
    public void More_threads_than_there_is_room_for_are_counted_and_not_written()
    {
        Spawn();
        ulong address = Allocate(1);
        Assert.Equal(2, Call(NucleusCall.ReadThreads, address, 1));
        Assert.Equal(0, ((NucleusThreadRecord*)address)[1].Id);
        Assert.Equal(2, Call(NucleusCall.ReadThreads, address, 0));
    }

    [Fact]
    public void Every_page_has_an_owner_or_is_free()
    {
        NucleusMemoryRecord before = Read();
        ulong stack = AddressSpace.MapEnd - (16 * Pages.Size);
        Assert.Equal(0, AddressSpace.Map(stack, AddressSpace.MapEnd, Protection.Read | Protection.Write, RegionKind.Stack));
        Assert.Equal(0, ProgramMemory.PrepareWrite(stack + Pages.Size, 3 * Pages.Size));
        Allocate(20);
        Assert.True(MemoryCalls.Map(0, 5 * Pages.Size, 3, 0x22, -1) > 0);
        Assert.Equal(0, Call(SystemCallNumber.Pipe2, Store([]), 0));
        for (int i = 0; i < 20; i++)
        {
            Spawn();
        }

        NucleusMemoryRecord after = Read();
        Assert.Equal(3ul, after.Stacks - before.Stacks);
        Assert.Equal(5 + (Stacks.ChargedSize / Pages.Size), after.Promised - before.Promised);

        // The pages of twenty threads, one word's and the pipe's, besides the twenty.
        Assert.True(after.Mappings - before.Mappings >= 20 + 20 + 1, $"{after.Mappings - before.Mappings}");
        Assert.True(after.Nucleus > before.Nucleus);

        NucleusMemoryRecord Read()
        {
            ulong address = Allocate(1);
            Assert.Equal(0, Call(NucleusCall.ReadMemory, address));
            NucleusMemoryRecord* record = (NucleusMemoryRecord*)address;
            (int tables, int pages) = AssertFramesAccountedFor(out ulong others);
            Assert.Equal(((ulong)tables, (ulong)pages,
                others), (record->PageTables, record->Mappings + record->Stacks + record->Shared, record->Nucleus));
            Assert.Equal(
                record->Total,
                record->Image + record->PageTables + record->Mappings + record->Stacks + record->Shared + record->Nucleus + record->Free);
            Assert.Equal((DefaultFrames, FrameAllocator.FreeFrames), (record->Total, record->Free));
            return *record;
        }
    }

    [Theory]
    [InlineData(NucleusCall.ReadThreads, 8ul)]
    [InlineData(NucleusCall.ReadThreads, ulong.MaxValue)]
    [InlineData(NucleusCall.ReadMemory, 0ul)]
    public void Memory_that_is_not_the_programs_is_not_written(int call, ulong count) =>
        Assert.Equal(-Errno.EFAULT, Call(call, 0x1000, count));

    private static void Load(Frame* frame, UnwindRegisters* registers)
    {
        frame->Rbx = registers->Values[UnwindRegisters.Rbx];
        frame->Rbp = registers->Values[UnwindRegisters.Rbp];
        frame->R12 = registers->Values[UnwindRegisters.R12];
        frame->R13 = registers->Values[UnwindRegisters.R13];
        frame->R14 = registers->Values[UnwindRegisters.R14];
        frame->R15 = registers->Values[UnwindRegisters.R15];
        frame->Rsp = registers->Values[UnwindRegisters.Rsp];
        frame->Rip = registers->Values[UnwindRegisters.Rip];
    }
}
