using Iced.Intel;

namespace Xenlet.Linker.Tests;

/// <summary>Properties of the entries that a run cannot show: their order, their layout, and what needs ring 0.</summary>
public sealed class EntryCodeTests
{
    public static TheoryData<string> CodeBlocks => [.. Stubs.Code.Select(b => b.Name)];

    [Theory]
    [MemberData(nameof(CodeBlocks))]
    public void Every_stub_decodes_and_does_not_run_off_its_end(string name)
    {
        List<Instruction> instructions = Stubs.Decode(name);
        Assert.DoesNotContain(instructions, i => i.IsInvalid);
        Assert.Equal((ulong)Stubs.All[name].Size, instructions[^1].NextIP);
        Assert.Contains(
            instructions[^1].Mnemonic,
            (Mnemonic[])[Mnemonic.Ret, Mnemonic.Jmp, Mnemonic.Iretq, Mnemonic.Ud2, Mnemonic.Int3]);
    }

    [Theory]
    [MemberData(nameof(CodeBlocks))]
    public void No_stub_touches_the_threads_fs(string name) =>
        Assert.DoesNotContain(Stubs.Decode(name), i => i.MemorySegment == Register.FS);

    [Fact]
    public void The_system_call_entry_puts_nothing_on_the_programs_stack()
    {
        List<Instruction> instructions = Stubs.Decode("xenlet_system_call_entry");
        int kept = Index(i => IsStore(i, cpuOffset: 24) && i.Op1Register == Register.RSP);
        int left = Index(i => i.Op0Kind == OpKind.Register && i.Op0Register == Register.RSP);
        int nucleus = instructions.FindLastIndex(i => i.Op0Kind == OpKind.Register && i.Op0Register == Register.RSP);
        Assert.True(kept >= 0 && kept < left, "rsp is overwritten before it is kept");
        Assert.True(left < nucleus);
        Assert.DoesNotContain(instructions[..nucleus], i => i.IsStackInstruction);

        // The flag first, so that a fault in the entry counts as the nucleus's own.
        Assert.True(IsStore(instructions[0], cpuOffset: 16) && instructions[0].Immediate32 == 1);

        int Index(Predicate<Instruction> wanted) => instructions.FindIndex(wanted);
    }

    [Fact]
    public void The_way_back_ends_in_iretq_with_the_flag_cleared_and_rax_loaded_right_before()
    {
        List<Instruction> instructions = Stubs.Decode("xenlet_resume");
        int last = instructions.FindIndex(i => i.Mnemonic == Mnemonic.Iretq);
        Assert.Equal(
            Stubs.All["xenlet_resume"].InnerSymbols.Single(s => s.Name == "xenlet_resume_return").Offset, (int)instructions[last].IP);
        Assert.True(IsStore(instructions[last - 1], cpuOffset: 16) && instructions[last - 1].Immediate32 == 0);
        Assert.Equal((Register.RAX, Register.RAX), (instructions[last - 2].Op0Register, instructions[last - 2].MemoryBase));
        Assert.DoesNotContain(instructions[..last], i => i.IsStackInstruction);
        Assert.DoesNotContain(instructions, i => i.Mnemonic is Mnemonic.Sti or Mnemonic.Popfq);
    }

    [Fact]
    public void Between_the_look_for_a_pending_non_maskable_interrupt_and_iretq_only_registers_and_two_words_of_the_processor_change()
    {
        Block block = Stubs.All["xenlet_resume"];
        List<Instruction> instructions = Stubs.Decode("xenlet_resume");
        ulong from = (ulong)block.InnerSymbols.Single(s => s.Name == "xenlet_resume_checked").Offset;
        ulong to = (ulong)block.InnerSymbols.Single(s => s.Name == "xenlet_resume_return").Offset;
        Assert.Equal((Mnemonic.Cmp, Mnemonic.Jne), (instructions[0].Mnemonic, instructions[1].Mnemonic));
        Assert.Equal((32ul, from), (instructions[0].MemoryDisplacement64, instructions[1].NextIP));
        IEnumerable<Instruction> stores = instructions.Where(
            i => i.IP >= from && i.IP <= to && i.Op0Kind == OpKind.Memory && i.Mnemonic == Mnemonic.Mov);
        Assert.Equal([0ul, 16ul], stores.Select(i => i.MemoryDisplacement64));
    }

    [Fact]
    public void The_page_faults_address_goes_into_the_frame()
    {
        foreach (string name in (string[])["xenlet_trap_common", "xenlet_fatal_trap", "xenlet_nmi_entry"])
        {
            List<Instruction> instructions = Stubs.Decode(name);
            int read = instructions.FindIndex(i => i.Op1Kind == OpKind.Register && i.Op1Register == Register.CR2);
            Assert.True(read >= 0);
            Instruction store = instructions[read + 1];
            Assert.Equal((Mnemonic.Mov, Register.RAX, 176ul), (store.Mnemonic, store.MemoryBase, store.MemoryDisplacement64));
            Assert.Equal(instructions[read].Op0Register, store.Op1Register);
        }
    }

    [Fact]
    public void The_vectors_are_16_bytes_apart_and_look_alike_to_what_follows()
    {
        Block block = Stubs.All["xenlet_vectors"];
        Assert.Equal(256 * 16, block.Size);
        for (int vector = 0; vector < 256; vector++)
        {
            Decoder decoder = Decoder.Create(64, block.Bytes.AsSpan(vector * 16, 16).ToArray());
            if (vector is not (8 or 10 or 11 or 12 or 13 or 14 or 17 or 21 or 29 or 30))
            {
                AssertPush(decoder.Decode(), 0);
            }

            AssertPush(decoder.Decode(), vector);
            Instruction jump = decoder.Decode();
            Assert.Equal(Code.Jmp_rel32_64, jump.Code);
            int place = (vector * 16) + (int)jump.NextIP - 4;
            Relocation relocation = Assert.Single(block.Relocations, r => r.Offset / 16 == vector);
            string target = vector switch
            {
                2 => "xenlet_nmi_entry",
                8 or 18 => "xenlet_fatal_trap",
                _ => "xenlet_trap_common",
            };
            Assert.Equal(new Relocation(place, RelocationType.Branch32, target, -4), relocation);
        }

        static void AssertPush(Instruction instruction, int value)
        {
            Assert.Equal(Mnemonic.Push, instruction.Mnemonic);
            Assert.Equal((ulong)value, instruction.GetImmediate(0));
            Assert.Equal(-8, instruction.StackPointerIncrement);
        }
    }

    [Fact]
    public void Idle_opens_interrupts_in_the_shadow_of_the_halt()
    {
        List<Instruction> instructions = Stubs.Decode("xenlet_idle");
        Assert.Equal([Mnemonic.Sti, Mnemonic.Hlt, Mnemonic.Jmp], instructions.Select(i => i.Mnemonic));
        Assert.Equal(0ul, instructions[2].NearBranchTarget);
    }

    [Fact]
    public void Halt_closes_interrupts_and_never_returns()
    {
        List<Instruction> instructions = Stubs.Decode("xenlet_halt");
        Assert.Equal([Mnemonic.Cli, Mnemonic.Hlt, Mnemonic.Jmp], instructions.Select(i => i.Mnemonic));
        Assert.Equal(instructions[1].IP, instructions[2].NearBranchTarget);
    }

    /// <summary>What needs ring 0, or whose effect cannot be seen, is compared with what it has to be.</summary>
    [Theory]
    [InlineData("xenlet_in8", "mov edx,edi; xor eax,eax; in al,dx; ret")]
    [InlineData("xenlet_in16", "mov edx,edi; xor eax,eax; in ax,dx; ret")]
    [InlineData("xenlet_in32", "mov edx,edi; xor eax,eax; in eax,dx; ret")]
    [InlineData("xenlet_out8", "mov edx,edi; mov eax,esi; out dx,al; ret")]
    [InlineData("xenlet_out16", "mov edx,edi; mov eax,esi; out dx,ax; ret")]
    [InlineData("xenlet_out32", "mov edx,edi; mov eax,esi; out dx,eax; ret")]
    [InlineData("xenlet_read_msr", "mov ecx,edi; rdmsr; shl rdx,20h; or rax,rdx; ret")]
    [InlineData("xenlet_write_msr", "mov ecx,edi; mov eax,esi; mov rdx,rsi; shr rdx,20h; wrmsr; ret")]
    [InlineData("xenlet_read_cr0", "mov rax,cr0; ret")]
    [InlineData("xenlet_read_cr2", "mov rax,cr2; ret")]
    [InlineData("xenlet_read_cr3", "mov rax,cr3; ret")]
    [InlineData("xenlet_read_cr4", "mov rax,cr4; ret")]
    [InlineData("xenlet_write_cr0", "mov cr0,rdi; ret")]
    [InlineData("xenlet_write_cr3", "mov cr3,rdi; ret")]
    [InlineData("xenlet_write_cr4", "mov cr4,rdi; ret")]
    [InlineData("xenlet_invalidate_page", "invlpg [rdi]; ret")]
    [InlineData("xenlet_load_gdt", "sub rsp,18h; mov [rsp+6],si; mov [rsp+8],rdi; lgdt [rsp+6]; add rsp,18h; ret")]
    [InlineData("xenlet_load_idt", "sub rsp,18h; mov [rsp+6],si; mov [rsp+8],rdi; lidt [rsp+6]; add rsp,18h; ret")]
    [InlineData("xenlet_load_task_register", "ltr di; ret")]
    [InlineData("xenlet_save_floating_point", "fxsave64 [rdi]; ret")]
    [InlineData("xenlet_pause", "pause; ret")]
    [InlineData("xenlet_read_tsc", "lfence; rdtsc; shl rdx,20h; or rax,rdx; ret")]
    public void A_function_is_these_instructions(string name, string expected)
    {
        NasmFormatter formatter = new();
        formatter.Options.MemorySizeOptions = MemorySizeOptions.Never;
        StringOutput output = new();
        Assert.Equal(expected, string.Join("; ", Stubs.Decode(name).Select(i =>
        {
            formatter.Format(i, output);
            return output.ToStringAndReset();
        })));
    }

    private static bool IsStore(Instruction i, ulong cpuOffset) =>
        i.Mnemonic == Mnemonic.Mov && i.Op0Kind == OpKind.Memory && i.SegmentPrefix == Register.GS
        && i.MemoryBase == Register.None && i.MemoryDisplacement64 == cpuOffset;
}
