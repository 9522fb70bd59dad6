using CsCheck;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

public sealed unsafe class HypercallFunctionTests : IDisposable
{
    private readonly HostImage _image = new();

    public static TheoryData<string, Mnemonic> Functions => new()
    {
        { "xenlet_hypercall_intel", Mnemonic.Vmcall },
        { "xenlet_hypercall_amd", Mnemonic.Vmmcall },
        { "xenlet_system_call", Mnemonic.Syscall },
    };

    public void Dispose() => _image.Dispose();

    [Theory]
    [MemberData(nameof(Functions))]
    public void A_function_has_its_processors_trap_instruction_once_and_then_returns(string function, Mnemonic trap)
    {
        List<Instruction> instructions = Stubs.Decode(function);
        Assert.DoesNotContain(instructions, i => i.IsInvalid);
        Assert.Equal(trap, instructions[^2].Mnemonic);
        Assert.Equal(Mnemonic.Ret, instructions[^1].Mnemonic);
        Assert.DoesNotContain(instructions[..^2], i => i.FlowControl != FlowControl.Next || i.IsStackInstruction);
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void A_function_writes_only_the_number_and_the_fourth_argument(string function, Mnemonic trap)
    {
        InstructionInfoFactory factory = new();
        HashSet<Register> written = Stubs.Decode(function)
            .Where(i => i.Mnemonic != trap && i.Mnemonic != Mnemonic.Ret)
            .SelectMany(i => factory.GetInfo(i).GetUsedRegisters().ToArray())
            .Where(r => r.Access is OpAccess.Write or OpAccess.ReadWrite or OpAccess.CondWrite)
            .Select(r => r.Register.GetFullRegister())
            .ToHashSet();
        Assert.Equal([Register.RAX, Register.R10], written);
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void A_function_passes_on_what_it_was_given(string function, Mnemonic trap)
    {
        // What the hypervisor sees, then what the caller's own registers hold afterwards.
        ulong* record = (ulong*)_image.Reserve(256);
        ulong* answer = (ulong*)_image.Reserve(8);
        nint hypervisor = _image.Add("hypervisor", c =>
        {
            c.mov(r11, (ulong)record);
            c.mov(__qword_ptr[r11], rax);
            c.mov(__qword_ptr[r11 + 8], rdi);
            c.mov(__qword_ptr[r11 + 16], rsi);
            c.mov(__qword_ptr[r11 + 24], rdx);
            c.mov(__qword_ptr[r11 + 32], r10);
            c.mov(__qword_ptr[r11 + 40], r8);
            foreach (AssemblerRegister64 register in (AssemblerRegister64[])[rdi, rsi, rdx, r10, r8, r9, rcx])
            {
                c.mov(register, 0xBADBADBADBADBADUL);
            }

            c.mov(rax, (ulong)answer);
            c.mov(rax, __qword_ptr[rax]);
            c.ret();
        });
        nint target = _image.AddEdited(
            function,
            i => i.Mnemonic == trap ? Instruction.CreateBranch(Iced.Intel.Code.Call_rel32_64, (ulong)hypervisor) : i);
        AssemblerRegister64[] kept = (AssemblerRegister64[])[rbx, rbp, r12, r13, r14, r15];
        nint caller = _image.Add("caller", c =>
        {
            foreach (AssemblerRegister64 register in kept)
            {
                c.push(register);
            }

            for (int i = 0; i < kept.Length; i++)
            {
                c.mov(kept[i], 0x1111_0000_0000_0000UL + (ulong)i);
            }

            c.sub(rsp, 8);
            c.call((ulong)target);
            c.add(rsp, 8);
            c.mov(r11, (ulong)record);
            for (int i = 0; i < kept.Length; i++)
            {
                c.mov(__qword_ptr[r11 + 64 + (8 * i)], kept[i]);
            }

            foreach (AssemblerRegister64 register in kept.Reverse())
            {
                c.pop(register);
            }

            c.ret();
        });
        delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong, ulong> call =
            (delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong, ulong>)caller;

        Gen.ULong.Array[6].Select(Gen.ULong).Sample((arguments, result) =>
        {
            new Span<ulong>(record, 32).Clear();
            *answer = result;
            Assert.Equal(result, call(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]));

            // A hypercall's number is 32 bits, a system call's is a whole register.
            Assert.Equal(trap == Mnemonic.Syscall ? arguments[5] : (uint)arguments[5], record[0]);
            Assert.Equal(arguments[..5], new Span<ulong>(record + 1, 5).ToArray());
            for (int i = 0; i < kept.Length; i++)
            {
                Assert.Equal(0x1111_0000_0000_0000UL + (ulong)i, record[8 + i]);
            }
        }, iter: 200, threads: 1);
    }

    [Fact]
    public void The_door_to_the_nucleus_makes_a_real_system_call()
    {
        _image.Load([Stubs.All["xenlet_system_call"]]);
        delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint> call =
            (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint>)_image["xenlet_system_call"];
        const int Getpid = 39, Statx = 332;
        Assert.Equal(Environment.ProcessId, call(0, 0, 0, 0, 0, Getpid));

        // statx's fourth argument says what is wanted, its fifth where it goes.
        const int CurrentDirectory = -100, BasicStats = 0x7FF, TypeDirectory = 4, ModeOffset = 28;
        byte* status = stackalloc byte[256];
        fixed (byte* root = "/\0"u8)
        {
            Assert.Equal(0, call(CurrentDirectory, (nint)root, 0, BasicStats, (nint)status, Statx));
        }

        Assert.Equal((uint)BasicStats, *(uint*)status & BasicStats);
        Assert.Equal(TypeDirectory, *(ushort*)(status + ModeOffset) >> 12);

        // EFAULT: the fifth argument arrives.
        fixed (byte* root = "/\0"u8)
        {
            Assert.Equal(-14, call(CurrentDirectory, (nint)root, 0, BasicStats, 1, Statx));
        }
    }
}
