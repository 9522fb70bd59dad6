using Iced.Intel;
using Xenlet.Nucleus.Tests.Analysis;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Nucleus.Tests;

/// <summary>The walk on functions assembled for it: cases that a compiler would seldom write.</summary>
public sealed class NucleusWalkTests
{
    private const int TableAddress = 0x8000;
    private const int Default = 0x100;

    private readonly CodeBuilder _code = new();

    [Fact]
    public void A_chain_is_the_shortest_one()
    {
        _code.Add("ok_entry", 0x1000, assembler =>
        {
            assembler.call(0x2000);
            assembler.call(0x3000);
            assembler.ret();
        });
        _code.Add("ok_long", 0x2000, assembler => assembler.jmp(0x2800));
        _code.Add("ok_longer", 0x2800, assembler => assembler.jmp(0x3000));
        _code.Add("ok_short", 0x3000, assembler => assembler.jmp(0x4000));
        _code.Add("forbidden", 0x4000, assembler => assembler.ret());
        Violation violation = Assert.Single(_code.Walk("ok_entry").Violations);
        Assert.Equal(["ok_entry", "ok_short", "forbidden"], violation.Chain);
        Assert.Equal(0x3000ul, violation.Address);
        Assert.Equal(
            "ForbiddenFunction: ok_entry -> ok_short -> forbidden (at 0x3000: jmp near ptr 0000000000004000h)",
            violation.ToString());
    }

    [Fact]
    public void Recursion_ends()
    {
        _code.Add("ok_entry", 0x1000, assembler => assembler.call(0x2000));
        _code.Add("ok_other", 0x2000, assembler => assembler.call(0x1000));
        Assert.Empty(_code.Walk("ok_entry").Violations);
    }

    [Fact]
    public void A_function_that_runs_on_reaches_the_next_one()
    {
        _code.Add("ok_entry", 0x1000, assembler => assembler.nop());
        _code.Add("forbidden", 0x1001, assembler => assembler.ret());
        Assert.Equal(["ok_entry", "forbidden"], Assert.Single(_code.Walk("ok_entry").Violations).Chain);
    }

    public static TheoryData<string, string> ForbiddenInstructions => new()
    {
        { "call through memory", nameof(Rule.UnresolvedTarget) },
        { "call of a register", nameof(Rule.UnresolvedTarget) },
        { "jump through memory", nameof(Rule.UnresolvedTarget) },
        { "conditional jump out", nameof(Rule.UnknownTarget) },
        { "fs load", nameof(Rule.ThreadLocalAccess) },
        { "fs store", nameof(Rule.ThreadLocalAccess) },
        { "syscall", nameof(Rule.SystemCall) },
        { "no instruction", nameof(Rule.NotCode) },
    };

    [Theory]
    [MemberData(nameof(ForbiddenInstructions))]
    public void A_forbidden_instruction_is_reported(string what, string rule)
    {
        _code.Add("ok_entry", 0x1000, assembler =>
        {
            switch (what)
            {
                case "call through memory":
                    assembler.call(__qword_ptr[0x2000]);
                    break;
                case "call of a register":
                    assembler.call(rax);
                    break;
                case "jump through memory":
                    assembler.jmp(__qword_ptr[rax + 8]);
                    break;
                case "conditional jump out":
                    assembler.je(0x9000);
                    break;
                case "fs load":
                    assembler.mov(rax, __qword_ptr.fs[0]);
                    break;
                case "fs store":
                    assembler.mov(__dword_ptr.fs[rax + 16], ecx);
                    break;
                case "syscall":
                    assembler.syscall();
                    break;
                default:
                    assembler.db(0x06);
                    break;
            }

            assembler.ret();
        });
        Assert.Equal(rule, Assert.Single(_code.Walk("ok_entry").Violations).Rule.ToString());
    }

    [Fact]
    public void Access_through_gs_hypercalls_and_returns_are_the_nucleus_s_own_business()
    {
        _code.Add("ok_entry", 0x1000, assembler =>
        {
            assembler.mov(rax, __qword_ptr.gs[0]);
            assembler.vmcall();
            assembler.vmmcall();
            assembler.hlt();
            assembler.iretq();
        });
        Assert.Empty(_code.Walk("ok_entry").Violations);
    }

    /// <summary>
    /// The way back to a program ends with a jump to where it was, which no walk can follow: one function's, and its last.
    /// </summary>
    [Theory]
    [InlineData("ok_way_out", "rcx", null)]
    [InlineData("ok_way_out", "memory", nameof(Rule.UnresolvedTarget))]
    [InlineData("ok_way_out", "before the end", nameof(Rule.UnresolvedTarget))]
    [InlineData("ok_entry", "rcx", nameof(Rule.UnresolvedTarget))]
    public void A_jump_to_the_program_is_the_last_instruction_of_the_way_out(string name, string jump, string? rule)
    {
        _code.Add(name, 0x1000, assembler =>
        {
            if (jump == "memory")
            {
                assembler.jmp(__qword_ptr[rcx]);
                return;
            }

            assembler.jmp(rcx);
            if (jump == "before the end")
            {
                assembler.ret();
            }
        });
        IReadOnlyList<Violation> violations = _code.Walk(name).Violations;
        Assert.Equal(rule is null ? [] : [rule], violations.Select(violation => violation.Rule.ToString()));
    }

    public static TheoryData<string, string?> Switches => new()
    {
        { "as compiled", null },
        { "index copied, its register then reused", null },
        { "sum the other way round", null },
        { "local in memory", null },
        { "another local checked", nameof(Rule.UnresolvedTarget) },
        { "no check", nameof(Rule.UnresolvedTarget) },
        { "check of another register", nameof(Rule.UnresolvedTarget) },
        { "index changed behind the check", nameof(Rule.UnresolvedTarget) },
        { "branch behind the check", nameof(Rule.UnresolvedTarget) },
        { "base not constant", nameof(Rule.UnresolvedTarget) },
        { "table not in the image", nameof(Rule.UnresolvedTarget) },
        { "target outside", nameof(Rule.UnknownTarget) },
        { "target within an instruction", nameof(Rule.UnknownTarget) },
    };

    [Theory]
    [MemberData(nameof(Switches))]
    public void A_switch_is_followed_only_when_its_targets_are_sure(string what, string? rule)
    {
        _code.Add("ok_entry", 0x1000, assembler => Switch(assembler, what));
        _code.AddTable(TableAddress, what switch
        {
            "target outside" => [Default, 0x5000],
            "target within an instruction" => [Default, 2],
            _ => [Default, 0],
        });
        IReadOnlyList<Violation> violations = _code.Walk("ok_entry").Violations;
        Assert.Equal(rule is null ? [] : [rule], violations.Select(violation => violation.Rule.ToString()));
    }

    private static void Switch(Assembler assembler, string what)
    {
        Label otherwise = assembler.CreateLabel();
        Label behind = assembler.CreateLabel();
        if (what == "branch behind the check")
        {
            assembler.je(behind);
        }

        if (what is "local in memory" or "another local checked")
        {
            assembler.cmp(__dword_ptr[rbp - (what == "local in memory" ? 16 : 24)], 1);
            assembler.ja(otherwise);
        }
        else if (what != "no check")
        {
            assembler.cmp(what == "check of another register" ? edi : esi, 1);
            assembler.ja(otherwise);
        }

        assembler.Label(ref behind);
        if (what == "index changed behind the check")
        {
            assembler.inc(esi);
        }

        if (what is "local in memory" or "another local checked")
        {
            assembler.mov(eax, __dword_ptr[rbp - 16]);
        }
        else
        {
            assembler.mov(eax, esi);
        }

        if (what == "index copied, its register then reused")
        {
            assembler.mov(esi, 7);
        }

        LoadAddress(assembler, Register.RCX, what == "table not in the image" ? 0x9000 : TableAddress);
        assembler.mov(ecx, __dword_ptr[rcx + rax * 4]);
        if (what == "base not constant")
        {
            assembler.mov(rdx, rdi);
        }
        else
        {
            LoadAddress(assembler, Register.RDX, 0x1000);
        }

        if (what == "sum the other way round")
        {
            assembler.add(rdx, rcx);
            assembler.jmp(rdx);
        }
        else
        {
            assembler.add(rcx, rdx);
            assembler.jmp(rcx);
        }

        assembler.Label(ref otherwise);
        for (int i = 0; i < Default; i++)
        {
            assembler.nop();
        }

        assembler.ret();
    }

    private static void LoadAddress(Assembler assembler, Register register, int address) =>
        assembler.AddInstruction(Instruction.Create(Code.Lea_r64_m, register, new MemoryOperand(Register.RIP, address)));

    /// <summary>Puts an image together from assembled functions.</summary>
    private sealed class CodeBuilder
    {
        private readonly List<Function> _functions = [];
        private readonly List<(ulong, ReadOnlyMemory<byte>)> _contents = [];

        public void Add(string name, ulong address, Action<Assembler> write)
        {
            Assembler assembler = new(64);
            write(assembler);
            using MemoryStream stream = new();
            assembler.Assemble(new StreamCodeWriter(stream), address);
            _functions.Add(new Function([name], address, (int)stream.Length));
            _contents.Add((address, stream.ToArray()));
        }

        public void AddTable(ulong address, int[] distances) =>
            _contents.Add((address, distances.SelectMany(BitConverter.GetBytes).ToArray()));

        public NucleusWalk.Outcome Walk(string entry) => NucleusWalk.Run(
            new CodeImage(_functions, _contents), new AllowList([new Allowed("ok_", true, "allowed for the test")], "ok_way_out"), [entry]);
    }
}
