using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

public sealed unsafe class ProcessorFactTests : IDisposable
{
    private readonly HostImage _image = new();

    public ProcessorFactTests() => _image.Load([.. ProcessorFacts.Assemble(), .. ProcessorState.Assemble()]);

    public void Dispose() => _image.Dispose();

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(4u, 0u)]
    [InlineData(4u, 1u)]
    [InlineData(7u, 0u)]
    [InlineData(0x8000_0000u, 0u)]
    [InlineData(0x8000_0002u, 0u)]
    public void Cpuid_agrees_with_the_base_library(uint leaf, uint subleaf)
    {
        delegate* unmanaged<uint, uint, uint*, void> cpuid = (delegate* unmanaged<uint, uint, uint*, void>)_image["xenlet_cpuid"];
        uint* answer = stackalloc uint[5];
        answer[4] = 0xABCD;
        cpuid(leaf, subleaf, answer);
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
        Assert.Equal([(uint)eax, (uint)ebx, (uint)ecx, (uint)edx, 0xABCD], new Span<uint>(answer, 5).ToArray());
    }

    [Fact]
    public void Cpuid_keeps_its_callers_rbx()
    {
        // The call goes through code that puts a mark into rbx and returns what it finds there.
        ulong target = (ulong)_image["xenlet_cpuid"];
        nint probe = _image.Add("probe", c =>
        {
            c.push(rbx);
            c.mov(rbx, 0x1234_5678_9ABC_DEF0UL);
            c.call(target);
            c.mov(rax, rbx);
            c.pop(rbx);
            c.ret();
        });
        uint* answer = stackalloc uint[4];
        Assert.Equal(0x1234_5678_9ABC_DEF0UL, ((delegate* unmanaged<uint, uint, uint*, ulong>)probe)(0, 0, answer));
    }

    [Fact]
    public void The_time_stamp_is_64_bits_and_rises()
    {
        delegate* unmanaged<ulong> read = (delegate* unmanaged<ulong>)_image["xenlet_read_tsc"];
        ulong last = read();
        Assert.NotEqual(0u, (uint)(last >> 32));
        for (int i = 0; i < 1000; i++)
        {
            ulong now = read();
            Assert.True(now > last, $"{now} after {last}");
            last = now;
        }
    }

    [RandomTheory]
    [InlineData("xenlet_random")]
    [InlineData("xenlet_random_seed")]
    public void A_random_number_comes_with_a_success(string function)
    {
        delegate* unmanaged<ulong*, uint> draw = (delegate* unmanaged<ulong*, uint>)_image[function];
        List<ulong> drawn = new();

        // A seed may run dry where many draw; then nothing is written.
        for (int tries = 0; drawn.Count < 64 && tries < 1_000_000; tries++)
        {
            ulong value = 0;
            if (draw(&value) == 1)
            {
                drawn.Add(value);
            }
            else
            {
                Assert.Equal(0ul, value);
            }
        }

        Assert.Equal(64, drawn.Distinct().Count());
    }

    [Theory]
    [InlineData("xenlet_random", Mnemonic.Rdrand, 3)]
    [InlineData("xenlet_random_seed", Mnemonic.Rdseed, 3)]
    [InlineData("xenlet_random", Mnemonic.Rdrand, 10)]
    [InlineData("xenlet_random_seed", Mnemonic.Rdseed, 10)]
    [InlineData("xenlet_random", Mnemonic.Rdrand, 11)]
    [InlineData("xenlet_random_seed", Mnemonic.Rdseed, 11)]
    public void A_dry_generator_is_asked_ten_times(string function, Mnemonic draw, int successAt)
    {
        int* draws = (int*)_image.Reserve(8);
        nint generator = _image.Add("generator", c =>
        {
            // Carry says that there is a number, zero that there is none.
            Label full = c.CreateLabel();
            c.mov(rax, (ulong)draws);
            c.inc(__dword_ptr[rax]);
            c.cmp(__dword_ptr[rax], successAt);
            c.mov(eax, 0);
            c.je(full);
            c.clc();
            c.ret();
            c.Label(ref full);
            c.mov(eax, 0x77);
            c.stc();
            c.ret();
        });
        nint edited = _image.AddEdited(function, i =>
        {
            if (i.Mnemonic != draw)
            {
                return i;
            }

            Instruction call = Instruction.CreateBranch(Code.Call_rel32_64, (ulong)generator);
            call.IP = i.IP;
            return call;
        });
        ulong value = 0;
        uint drawn = ((delegate* unmanaged<ulong*, uint>)edited)(&value);
        bool succeeds = successAt <= 10;
        Assert.Equal((succeeds ? 1u : 0u, succeeds ? 0x77ul : 0, Math.Min(successAt, 10)), (drawn, value, *draws));
    }

    [Fact]
    public void The_frame_pointer_is_the_callers()
    {
        ulong target = (ulong)_image["xenlet_frame_pointer"];
        nint probe = _image.Add("probe", c =>
        {
            c.push(rbp);
            c.mov(rbp, 0x77);
            c.call(target);
            c.pop(rbp);
            c.ret();
        });
        Assert.Equal(0x77ul, ((delegate* unmanaged<ulong>)probe)());
    }
}
