using System.Runtime.InteropServices;
using Xenlet.Linker;
using Xenlet.Linker.Unwinding;
using Xenlet.Shared.Unwinding;

namespace Xenlet.Kernel.Tests.Diagnostics;

/// <summary>The nucleus's reader of the table of methods, over tables that the linker wrote.</summary>
public sealed unsafe class MethodTableTests : IDisposable
{
    private const uint Code = 0x1000_0000;
    private const ulong StackTop = 0x7000_0000_0000;
    private const int StackSize = 1 << 16;

    private static readonly IReadOnlyList<SampleMethod> Methods = SampleMethod.Make(6, 700);
    private static readonly uint CodeEnd = Code + (uint)(Methods[^1].Start + Methods[^1].Size);

    private readonly byte* _table;

    public MethodTableTests()
    {
        ObjectSection section = Xenlet.Linker.Unwinding.MethodTable.Add(
            new ObjectWriter(), [.. Methods.Select(m => new Method(m.Start, m.Size, m.Data, MethodRule.Read(m.Instructions)))]);
        byte[] bytes = section.Contents.ToArray();
        _table = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
        bytes.CopyTo(new Span<byte>(_table, bytes.Length));

        // What ld fills in.
        Assert.Equal([0, 4], section.Relocations.Select(relocation => relocation.Offset));
        ((uint*)_table)[0] = Code;
        ((uint*)_table)[1] = CodeEnd;
    }

    private UnwindTables Tables => new(0, (Nucleus.Unwind.MethodTable*)_table);

    public void Dispose() => NativeMemory.Free(_table);

    [Fact]
    public void Each_row_of_each_method_is_what_its_call_frame_instructions_say()
    {
        foreach (SampleMethod method in Methods)
        {
            foreach (int distance in method.Rows.SelectMany(row => new[] { row.Distance, row.Distance + 1 })
                .Append(method.Size - 1).Append(method.Size / 2).Where(d => d < method.Size))
            {
                CallFrameRow found;
                Assert.Equal(UnwindStop.None, Unwinder.FindRow(Tables, Code + (ulong)(method.Start + distance), &found));
                Assert.Equal(Describe(method.RowAt(distance)), Describe(&found));
            }
        }
    }

    [Fact]
    public void A_stack_of_methods_is_walked_from_the_innermost_to_the_outermost()
    {
        Random random = new(7);
        byte[] stack = new byte[StackSize];
        ulong stackPointer = StackTop - StackSize + 512;
        ulong innermost = stackPointer;
        List<ulong> expected = [];
        SampleMethod[] callers = [.. Methods.Where(m => m.Rows[^1] is { IsFromFramePointer: false, CfaOffset: < 1000 })];
        for (int i = 0; i < 50; i++)
        {
            SampleMethod method = callers[random.Next(callers.Length)];

            // A call may be a method's last instruction: then its return address is the next one's first.
            expected.Add(Code + (ulong)(method.Start + method.Size));
            stackPointer += (ulong)method.Rows[^1].CfaOffset;
            BitConverter.TryWriteBytes(stack.AsSpan((int)(stackPointer - 8 - (StackTop - StackSize))), i == 49 ? 0ul : 1ul);
        }

        ulong at = innermost;
        for (int i = 0; i < 49; i++)
        {
            SampleMethod method = Methods.Single(m => Code + (ulong)(m.Start + m.Size) == expected[i] && callers.Contains(m));
            at += (ulong)method.Rows[^1].CfaOffset;
            BitConverter.TryWriteBytes(stack.AsSpan((int)(at - 8 - (StackTop - StackSize))), expected[i + 1]);
        }

        ProbeMemory.Reset();
        ProbeMemory.Map(StackTop - StackSize, stack);
        UnwindRegisters registers;
        UnwindRegisters.Clear(&registers);
        registers.Values[UnwindRegisters.Rip] = expected[0];
        registers.Values[UnwindRegisters.Rsp] = innermost;
        List<ulong> addresses = [expected[0]];
        UnwindStop stop;
        while ((stop = Unwinder.Step(Tables, &registers)) == UnwindStop.None)
        {
            addresses.Add(registers.Values[UnwindRegisters.Rip]);
        }

        Assert.Equal(UnwindStop.Outermost, stop);
        Assert.Equal(expected, addresses);
    }

    [Fact]
    public void A_call_of_a_null_pointer_is_blamed_on_the_method_that_made_it()
    {
        // An empty .eh_frame_hdr, which has the fields and no entry.
        const ulong frames = 0x10_0000;
        byte[] stack = new byte[4096];
        ulong caller = Code + (ulong)(Methods[3].Start + Methods[3].Size - 1);
        BitConverter.TryWriteBytes(stack, caller);
        ProbeMemory.Reset();
        ProbeMemory.Map(StackTop, stack);
        ProbeMemory.Map(frames, [1, 0x1B, 3, 0x3B, 0, 0, 0, 0, 0, 0, 0, 0]);
        UnwindRegisters registers;
        UnwindRegisters.Clear(&registers);
        registers.Values[UnwindRegisters.Rsp] = StackTop;
        registers.IsExact = true;
        Assert.Equal(UnwindStop.None, Unwinder.Step(new UnwindTables(frames, Tables.Methods), &registers));
        Assert.Equal((caller, StackTop + 8), (registers.Values[UnwindRegisters.Rip], registers.Values[UnwindRegisters.Rsp]));
    }

    private static string Describe(SampleRow row) =>
        $"{(row.IsFromFramePointer ? "rbp" : "rsp")}+{row.CfaOffset}: "
        + string.Join(' ', [.. row.Saved.OrderBy(saved => saved.Register).Select(saved => $"{saved.Register}@-{8 * saved.Slot}"), "ra@-8"]);

    private static string Describe(CallFrameRow* row)
    {
        Assert.False(row->CfaIsExpression || row->IsSignalFrame);
        Assert.Equal(UnwindRegisters.Rip, row->ReturnColumn);
        List<string> saved = [];
        for (int i = 0; i < UnwindRegisters.Count; i++)
        {
            if (row->Rules[i] != (byte)CallFrameRule.Unspecified)
            {
                Assert.Equal(CallFrameRule.Offset, (CallFrameRule)row->Rules[i]);
                saved.Add($"{(i == UnwindRegisters.Rip ? "ra" : $"{i}")}@{row->Values[i]}");
            }
        }

        string register = row->CfaRegister == UnwindRegisters.Rbp ? "rbp" : row->CfaRegister == UnwindRegisters.Rsp ? "rsp" : "?";
        return $"{register}+{row->CfaValue}: {string.Join(' ', saved)}";
    }
}
