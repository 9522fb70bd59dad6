using System.Globalization;

namespace Xenlet.Kernel.Tests.Diagnostics;

public sealed unsafe class UnwinderTests
{
    private const ulong StackTop = 0x7000_0000_0000;
    private const ulong NoCode = 0x6000_0000_0000;
    private const int StackSize = 1 << 20;

    private static readonly string[] Names =
        ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ra"];

    private static readonly int[] CalleeSaved =
    [
        UnwindRegisters.Rbx, UnwindRegisters.Rbp, UnwindRegisters.R12, UnwindRegisters.R13, UnwindRegisters.R14, UnwindRegisters.R15,
    ];

    // gcc made one (with hand-written assembler and signal trampolines), clang the other.
    [Theory]
    [InlineData("libc.so.6")]
    [InlineData("libcoreclr.so")]
    public void Every_row_of_a_real_library_is_what_readelf_says(string module)
    {
        LoadedImage image = LoadedImage.OfModule(module);
        image.Map();
        List<ReadelfRow> rows = ReadelfFrames.Read(image.File);
        List<string> differences = [];
        foreach (ReadelfRow row in rows)
        {
            CallFrameRow found;
            UnwindStop stop = Unwinder.FindRow(image.Tables, row.Address, &found);
            string expected = $"{row.Address:x} {row.Cfa} {row.IsSignalFrame} {string.Join(' ', row.Rules)}";
            string actual = stop != UnwindStop.None ? $"{row.Address:x} {stop}" : Describe(row, &found);
            if (expected != actual)
            {
                differences.Add($"{expected}\n{actual}");
            }
        }

        Assert.True(differences.Count == 0, $"{differences.Count} of {rows.Count}:\n{string.Join('\n', differences.Take(10))}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_stack_built_by_readelfs_rules_is_walked_to_its_end(int seed)
    {
        SyntheticStack stack = new(LoadedImage.OfModule("libc.so.6"), seed, 60);
        stack.Map();
        UnwindRegisters registers = stack.Innermost;
        Assert.Equal(UnwindStop.NoInformation, Walk(stack, ref registers, out ulong[] addresses));
        Assert.Equal(stack.Addresses, addresses);
        Assert.Equal(StackTop, registers.Values[UnwindRegisters.Rsp]);
        UnwindRegisters outermost = stack.Outermost;
        foreach (int register in CalleeSaved)
        {
            Assert.Equal(outermost.Values[register], registers.Values[register]);
        }
    }

    [Fact]
    public void A_call_of_a_null_pointer_is_blamed_on_its_caller()
    {
        SyntheticStack stack = new(LoadedImage.OfModule("libc.so.6"), 5, 10);
        stack.Map();
        UnwindRegisters registers = stack.Innermost;
        ulong caller = registers.Values[UnwindRegisters.Rip] + 1;
        registers.Values[UnwindRegisters.Rip] = 0;
        registers.Values[UnwindRegisters.Rsp] -= 8;
        stack.Write(registers.Values[UnwindRegisters.Rsp], caller);
        Assert.Equal(UnwindStop.NoInformation, Walk(stack, ref registers, out ulong[] addresses));
        Assert.Equal([0, caller, .. stack.Addresses.Skip(1)], addresses);
    }

    [Fact]
    public void A_return_address_of_0_is_the_outermost_frame()
    {
        SyntheticStack stack = new(LoadedImage.OfModule("libc.so.6"), 6, 10);
        stack.Map();
        stack.Write(StackTop - 8, 0);
        UnwindRegisters registers = stack.Innermost;
        Assert.Equal(UnwindStop.Outermost, Walk(stack, ref registers, out ulong[] addresses));
        Assert.Equal(stack.Addresses.SkipLast(1), addresses);
    }

    [Fact]
    public void A_stack_that_is_not_mapped_to_its_end_ends_the_walk_there()
    {
        SyntheticStack stack = new(LoadedImage.OfModule("libc.so.6"), 7, 30);
        stack.Map(StackSize - 8);
        UnwindRegisters registers = stack.Innermost;
        Assert.Equal(UnwindStop.BadStack, Walk(stack, ref registers, out ulong[] addresses));
        Assert.Equal(stack.Addresses.SkipLast(1), addresses);
    }

    [Fact]
    public void A_signal_frame_gives_back_the_interrupted_registers()
    {
        // Offsets of the general registers in the kernel's struct ucontext (asm/sigcontext.h): gregs begin at 40.
        int[] order = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16];
        LoadedImage image = LoadedImage.OfModule("libc.so.6");
        ReadelfRow trampoline = ReadelfFrames.Read(image.File).First(row => row.IsSignalFrame);
        byte[] context = new byte[1024];
        Random random = new(8);
        random.NextBytes(context);
        image.Map();
        ProbeMemory.Map(StackTop, context);
        UnwindRegisters registers = default;
        registers.Values[UnwindRegisters.Rip] = trampoline.Address + 1;
        registers.Values[UnwindRegisters.Rsp] = StackTop;
        BitConverter.TryWriteBytes(context.AsSpan(40 + 15 * 8), 0x1000ul);

        Assert.Equal(UnwindStop.None, Unwinder.Step(image.Tables, &registers));
        Assert.True(registers.IsExact);
        for (int i = 0; i < order.Length; i++)
        {
            Assert.Equal(BitConverter.ToUInt64(context, 40 + 8 * i), registers.Values[order[i]]);
        }
    }

    [Fact]
    public void Damaged_information_and_stacks_end_the_walk_and_nothing_else()
    {
        LoadedImage image = LoadedImage.OfModule("libc.so.6");
        SyntheticStack stack = new(image, 9, 40);
        Random random = new(10);
        HashSet<UnwindStop> seen = [];
        (ulong start, byte[] bytes) = image.Segments.First(s => image.EhFrameHeader - s.Address < (ulong)s.Bytes.Length);
        byte[] intact = (byte[])bytes.Clone();
        int header = (int)(image.EhFrameHeader - start);
        int tables = bytes.Length - header;
        for (int round = 0; round < 300; round++)
        {
            intact.CopyTo(bytes, 0);
            stack.Map();
            if (round % 3 != 0)
            {
                for (int i = 0; i < tables / 64; i++)
                {
                    bytes[header + 12 + random.Next(tables - 12)] = (byte)random.Next(256);
                }
            }

            UnwindRegisters registers = stack.Innermost;
            if (round % 3 != 1)
            {
                for (int i = 0; i < 8; i++)
                {
                    stack.Write(StackTop - 8 * (ulong)random.Next(1, 400), (ulong)random.NextInt64());
                }
            }

            seen.Add(Walk(stack, ref registers, out _));
            stack.Restore();
        }

        intact.CopyTo(bytes, 0);
        Assert.Contains(UnwindStop.BadInformation, seen);
        Assert.Contains(UnwindStop.NoInformation, seen);
        Assert.Contains(UnwindStop.BadStack, seen);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(2, 0xff)]
    [InlineData(3, 0x1b)]
    public void A_header_that_cannot_be_searched_is_refused(int index, byte value)
    {
        LoadedImage image = LoadedImage.OfModule("libc.so.6");
        (ulong start, byte[] bytes) = image.Segments.First(s => image.EhFrameHeader - s.Address < (ulong)s.Bytes.Length);
        bytes[(int)(image.EhFrameHeader - start) + index] = value;
        image.Map();
        CallFrameRow row;
        Assert.Equal(UnwindStop.BadInformation, Unwinder.FindRow(image.Tables, 0x1000, &row));
    }

    [Fact]
    public void Without_any_information_in_memory_the_first_frame_is_all_there_is()
    {
        ProbeMemory.Reset();
        UnwindRegisters registers = default;
        registers.Values[UnwindRegisters.Rip] = NoCode;
        Assert.Equal(UnwindStop.BadInformation, Unwinder.Step(new UnwindTables(0x1000, null), &registers));
    }

    /// <summary>Unwinds as far as possible, or for more frames than any stack here has.</summary>
    private static UnwindStop Walk(SyntheticStack stack, ref UnwindRegisters registers, out ulong[] addresses)
    {
        const int limit = 1000;
        List<ulong> seen = new();
        UnwindStop reason = UnwindStop.None;
        fixed (UnwindRegisters* state = &registers)
        {
            while (reason == UnwindStop.None && seen.Count < limit)
            {
                seen.Add(state->Values[UnwindRegisters.Rip]);
                reason = Unwinder.Step(stack.Image.Tables, state);
            }
        }

        addresses = [.. seen];
        return reason;
    }

    private static string Describe(ReadelfRow expected, CallFrameRow* row)
    {
        string cfa = row->CfaIsExpression ? "exp" : $"{Names[row->CfaRegister]}{row->CfaValue:+0;-0;+0}";
        IEnumerable<string> rules = expected.Rules.Select(rule =>
        {
            int register = Array.IndexOf(Names, rule.Key);
            return register < 0
                ? rule.ToString()
                : $"[{rule.Key}, {DescribeRule((CallFrameRule)row->Rules[register], row->Values[register])}]";
        });
        return $"{expected.Address:x} {cfa} {row->IsSignalFrame} {string.Join(' ', rules)}";
    }

    private static string DescribeRule(CallFrameRule rule, long value) => rule switch
    {
        CallFrameRule.Unspecified or CallFrameRule.Undefined => "u",
        CallFrameRule.SameValue => "s",
        CallFrameRule.Offset => $"c{value:+0;-0;+0}",
        CallFrameRule.ValueOffset => $"v{value:+0;-0;+0}",
        CallFrameRule.Register => Names[value],
        CallFrameRule.Expression => "exp",
        _ => "vexp",
    };

    /// <summary>A stack whose frames stop in randomly chosen places of a real library, written by the rules that readelf printed.</summary>
    internal sealed class SyntheticStack
    {
        private readonly byte[] _memory = new byte[StackSize];
        private readonly byte[] _written;

        public SyntheticStack(LoadedImage image, int seed, int frames)
        {
            Image = image;
            Random random = new(seed);
            List<ReadelfRow> rows = [.. ReadelfFrames.Read(image.File).Where(IsUsable)];
            UnwindRegisters current = default;
            current.Values[UnwindRegisters.Rsp] = StackTop;
            current.Values[UnwindRegisters.Rip] = NoCode;
            foreach (int register in CalleeSaved)
            {
                current.Values[register] = (ulong)random.NextInt64();
            }

            Outermost = current;
            Addresses.Add(NoCode);
            for (int i = 0; i < frames; i++)
            {
                AddFrame(rows[random.Next(rows.Count)], ref current, random, isInnermost: i == frames - 1);
            }

            Innermost = current;
            _written = (byte[])_memory.Clone();
        }

        public LoadedImage Image { get; }

        public UnwindRegisters Innermost { get; }

        public UnwindRegisters Outermost { get; }

        public List<ulong> Addresses { get; } = [];

        public void Map(int size = StackSize)
        {
            Image.Map();
            ProbeMemory.Map(StackTop - StackSize, size == StackSize ? _memory : _memory[..size]);
        }

        public void Write(ulong address, ulong value) =>
            BitConverter.TryWriteBytes(_memory.AsSpan((int)(address - (StackTop - StackSize))), value);

        public void Restore() => _written.CopyTo(_memory, 0);

        private static bool IsUsable(ReadelfRow row)
        {
            bool onFramePointer = row.Cfa.StartsWith("rbp+", StringComparison.Ordinal);
            if (row.IsSignalFrame || !(onFramePointer || row.Cfa.StartsWith("rsp+", StringComparison.Ordinal)))
            {
                return false;
            }

            // Slots below the stack pointer (a function that has popped already) would be overwritten by the next frame.
            int size = int.Parse(row.Cfa.AsSpan(4), CultureInfo.InvariantCulture);
            return row.Rules.GetValueOrDefault("ra") == "c-8"
                && row.Rules.All(rule => rule.Value == "u" || (Slot(rule.Value) is int slot && (onFramePointer || slot <= size)))
                && (!onFramePointer || row.Rules.GetValueOrDefault("rbp", "u") != "u")
                && size % 8 == 0;
        }

        private static int? Slot(string rule) =>
            rule.StartsWith("c-", StringComparison.Ordinal) ? int.Parse(rule.AsSpan(2), CultureInfo.InvariantCulture) : null;

        private void AddFrame(ReadelfRow row, ref UnwindRegisters current, Random random, bool isInnermost)
        {
            ulong cfa = current.Values[UnwindRegisters.Rsp];
            ulong size = ulong.Parse(row.Cfa.AsSpan(4), CultureInfo.InvariantCulture);
            ulong lowest = size;
            foreach ((string name, string rule) in row.Rules)
            {
                if (Slot(rule) is int slot)
                {
                    int register = Array.IndexOf(Names, name);
                    Write(cfa - (ulong)slot, current.Values[register]);
                    current.Values[register] = (ulong)random.NextInt64();
                    lowest = Math.Max(lowest, (ulong)slot);
                }
            }

            bool onFramePointer = row.Cfa[1] == 'b';
            current.Values[UnwindRegisters.Rsp] = cfa - (onFramePointer ? lowest + 8 * (ulong)random.Next(1, 20) : size);
            if (onFramePointer)
            {
                current.Values[UnwindRegisters.Rbp] = cfa - size;
            }

            // A return address is one byte further than the call it comes from.
            current.Values[UnwindRegisters.Rip] = isInnermost ? row.Address : row.Address + 1;
            current.IsExact = isInnermost;
            Addresses.Insert(0, current.Values[UnwindRegisters.Rip]);
        }
    }
}
