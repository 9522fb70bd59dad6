using System.Runtime.InteropServices;

namespace Xenlet.Fuzz.Targets;

/// <summary>Any call frame information and any stack: the walk ends, with a reason, and nothing but the registers is written.</summary>
internal static unsafe class Unwinding
{
    private const ulong Information = 0x10_0000;
    private const ulong Stack = 0x7000_0000_0000;
    private const int GuardSize = 256;
    private const byte Guard = 0xA5;

    /// <summary>Frames that a report shows at most, and more.</summary>
    private const int Frames = 200;

    public static byte[][] Tokens { get; } =
    [
        [1, 0x1b, 3, 0x3b], [0x7a, 0x52, 0], [0x0c, 7, 8], [0x90, 1], [0x0f], [0x10], [0x16],
        [0x77, 8], [6], [0x22], [0x0a], [0x0b], [0x2e],
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        UnwindRegisters registers = default;
        registers.IsExact = script.Below(2) == 0;
        registers.Values[UnwindRegisters.Rip] = Information + script.UInt16();
        registers.Values[UnwindRegisters.Rsp] = Stack + script.UInt16();
        registers.Values[UnwindRegisters.Rbp] = Stack + script.UInt16();
        registers.Values[UnwindRegisters.Rax] = script.UInt64();
        byte[] stack = script.Bytes(script.Byte() * 8).ToArray();
        ProbeMemory.Reset();
        ProbeMemory.Map(Stack, stack);
        ProbeMemory.Map(Information, script.Rest().ToArray());
        Walk(registers);
    }

    private static void Walk(UnwindRegisters start)
    {
        int size = GuardSize + sizeof(UnwindRegisters) + GuardSize + sizeof(CallFrameRow) + GuardSize;
        byte* memory = (byte*)NativeMemory.Alloc((nuint)size);
        try
        {
            new Span<byte>(memory, size).Fill(Guard);
            UnwindRegisters* registers = (UnwindRegisters*)(memory + GuardSize);
            CallFrameRow* row = (CallFrameRow*)(memory + GuardSize + sizeof(UnwindRegisters) + GuardSize);
            *registers = start;
            for (int i = 0; i < Frames; i++)
            {
                if (Unwinder.FindRow(new UnwindTables(Information, null), registers->Values[UnwindRegisters.Rip], row) == UnwindStop.None)
                {
                    bool isFollowed = row->CfaIsExpression || row->CfaRegister is >= 0 and < UnwindRegisters.Count;
                    Assert.True(isFollowed, $"the CFA is register {row->CfaRegister}");
                    Assert.InRange(row->ReturnColumn, 0, UnwindRegisters.Count - 1);
                }

                UnwindRegisters before = *registers;
                if (Unwinder.Step(new UnwindTables(Information, null), registers) != UnwindStop.None)
                {
                    ReadOnlySpan<ulong> after = new(registers->Values, UnwindRegisters.Count);
                    bool isSame = after.SequenceEqual(new ReadOnlySpan<ulong>(before.Values, UnwindRegisters.Count));
                    Assert.True(isSame, "the frame at which the walk ends was left");
                    break;
                }
            }

            foreach (int at in (int[])[0, GuardSize + sizeof(UnwindRegisters), size - GuardSize])
            {
                Assert.Equal(-1, new Span<byte>(memory + at, GuardSize).IndexOfAnyExcept(Guard));
            }
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }
}
