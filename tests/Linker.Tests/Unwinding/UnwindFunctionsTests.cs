using Xenlet.Linker.Unwinding;
using Xenlet.Shared.Unwinding;

namespace Xenlet.Linker.Tests.Unwinding;

/// <summary>The functions that the runtime calls, run by this processor over a table that the linker wrote.</summary>
public sealed unsafe class UnwindFunctionsTests : IDisposable
{
    private const int Code = 0x1000_0000, Data = 0x2000_0000;

    private static readonly IReadOnlyList<SampleMethod> Methods = SampleMethod.Make(5, 700);
    private static readonly int CodeSize = Methods[^1].Start + Methods[^1].Size;

    private readonly HostImage _image = new();
    private readonly delegate* unmanaged<ulong, void*, ulong*, byte> _find;
    private readonly delegate* unmanaged<ulong*, ulong, uint, ulong, byte> _step;

    public UnwindFunctionsTests()
    {
        ObjectFile table = new("unwinding.o", UnwindingObject.Write(new ObjectFile("app.o", CompilerObject.Of(Methods).Write())));
        SectionHeader section = table.Sections.Single(s => s.Name == MethodTable.SectionName);
        byte* memory = _image.Reserve(section.Size);
        table.Contents(section).CopyTo(new Span<byte>(memory, section.Size));
        foreach (string name in (string[])[MethodTable.Pages, MethodTable.Starts, MethodTable.RulePlaces, MethodTable.DataLow,
            MethodTable.DataHigh, MethodTable.Rules])
        {
            _image.Define(name, memory + table.SymbolValue(table.FindSymbol(name)));
        }

        _image.Define(MethodTable.CodeStart, (void*)Code);
        _image.Define(MethodTable.CodeEnd, (void*)(Code + CodeSize));
        _image.Define(MethodTable.DataStart, (void*)Data);
        _image.Load(UnwindFunctions.Assemble());
        _find = (delegate* unmanaged<ulong, void*, ulong*, byte>)_image["__wrap_" + UnwindFunctions.Find];
        _step = (delegate* unmanaged<ulong*, ulong, uint, ulong, byte>)_image["__wrap_" + UnwindFunctions.Step];
    }

    public void Dispose() => _image.Dispose();

    [Fact]
    public void Any_address_in_the_code_finds_its_method()
    {
        for (int offset = 0; offset < CodeSize; offset += 7)
        {
            AssertFound(Methods.Last(method => method.Start <= offset), offset);
        }

        foreach (SampleMethod method in Methods)
        {
            AssertFound(method, method.Start);
            AssertFound(method, method.Start + method.Size - 1);
        }
    }

    [Theory]
    [InlineData(Code - 1)]
    [InlineData(0)]
    [InlineData(-1)]
    public void An_address_outside_the_code_finds_nothing(long address)
    {
        ulong* info = stackalloc ulong[9];
        Assert.Equal(0, _find((ulong)address, null, info));
        Assert.Equal(0, _find((ulong)Code + (ulong)CodeSize, null, info));
    }

    [Fact]
    public void From_each_instruction_of_a_prolog_and_behind_it_the_callers_frame_is_found()
    {
        foreach (SampleMethod method in Methods)
        {
            foreach (int distance in method.Rows.SelectMany(row => new[] { row.Distance, row.Distance + 1 })
                .Append(method.Rows[^1].Distance - 1).Append(method.Size - 1).Where(d => d >= 0 && d < method.Size))
            {
                AssertStepped(method, distance);
            }
        }
    }

    private ulong AssertFound(SampleMethod method, int offset)
    {
        ulong* info = stackalloc ulong[9];
        new Span<ulong>(info, 9).Fill(ulong.MaxValue);
        Assert.Equal(1, _find((ulong)(Code + offset), null, info));
        Assert.Equal(((ulong)(Code + method.Start), (ulong)(Data + method.Data)), (info[0], info[2]));
        Assert.Equal(0u, (uint)info[6]);
        return info[7];
    }

    private void AssertStepped(SampleMethod method, int distance)
    {
        // The registers' values, the stack above them, and REGDISPLAY: 15 pointers, rsp, rip.
        const int words = 40;
        ulong* values = stackalloc ulong[16];
        ulong* stack = stackalloc ulong[words];
        for (int i = 0; i < words; i++)
        {
            stack[i] = (ulong)(0x7000 + i);
        }

        SampleRow row = method.RowAt(distance);
        ulong cfa = (ulong)(stack + 32);
        ulong* registers = stackalloc ulong[17];
        for (int i = 0; i < 15; i++)
        {
            registers[i] = (ulong)(values + i);
        }

        values[4] = row.IsFromFramePointer ? cfa - (ulong)row.CfaOffset : 0xBAD;
        registers[15] = row.IsFromFramePointer ? (ulong)stack : cfa - (ulong)row.CfaOffset;
        registers[16] = (ulong)(Code + method.Start + distance);
        ulong[] expected = new Span<ulong>(registers, 17).ToArray();
        foreach ((int register, int slot) in row.Saved)
        {
            expected[register switch { 3 => 3, 6 => 4, _ => register - 1 }] = cfa - (8ul * (ulong)slot);
        }

        expected[15] = cfa;
        expected[16] = stack[31];

        Assert.Equal(1, _step(registers, (ulong)(Code + method.Start), 0, AssertFound(method, method.Start)));

        Assert.Equal(expected, new Span<ulong>(registers, 17).ToArray());
    }
}
