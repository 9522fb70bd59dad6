using System.Buffers.Binary;
using Xenlet.Linker.Unwinding;
using Xenlet.Shared.Unwinding;

namespace Xenlet.Linker.Tests.Unwinding;

/// <summary>An object with the sections that ILC writes for methods.</summary>
internal sealed class CompilerObject
{
    public const string CodeSymbol = "first_method", DataSymbol = "first_data";

    /// <summary>The call frame information before it is written: a test may damage it.</summary>
    public List<byte> Frames { get; } =
        [0x14, 0, 0, 0, 0, 0, 0, 0, 1, (byte)'z', (byte)'L', (byte)'R', 0, 1, 0x78, 16, 2, 0x1B, 0x1B, 0x0C, 7, 8, 0x90, 1];

    /// <summary>What its fields refer to.</summary>
    public List<Relocation> References { get; } = [];

    /// <summary>The code: a test may put something between the methods.</summary>
    public byte[] Code { get; set; } = [];

    public int DataSize { get; set; } = 1;

    public static CompilerObject Of(IEnumerable<SampleMethod> methods)
    {
        CompilerObject made = new();
        foreach (SampleMethod method in methods)
        {
            made.Add(method);
        }

        return made;
    }

    /// <summary>Adds a method: its FDE, and its code behind what fills the gap.</summary>
    public void Add(SampleMethod method)
    {
        int at = Frames.Count;
        Span<byte> head = stackalloc byte[21];
        BinaryPrimitives.WriteInt32LittleEndian(head, head.Length - 4 + method.Instructions.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[4..], at + 4);
        BinaryPrimitives.WriteInt32LittleEndian(head[12..], method.Size);
        head[16] = 4;
        Frames.AddRange(head);
        Frames.AddRange(method.Instructions);
        References.Add(new Relocation(at + 8, RelocationType.Relative32, CodeSymbol, method.Start));
        References.Add(new Relocation(at + 17, RelocationType.Relative32, DataSymbol, method.Data));
        byte[] filler = [.. Enumerable.Repeat((byte)0x90, Math.Max(method.Start - Code.Length, 0))];
        Code = [.. Code, .. filler, .. Enumerable.Repeat((byte)0xCC, method.Size)];
        DataSize = Math.Max(DataSize, method.Data + 1);
    }

    public byte[] Write(string frames = CallFrames.SectionName)
    {
        ObjectWriter writer = new();
        ObjectSection code = writer.AddCode("__managedcode");
        writer.Define(CodeSymbol, code, code.Append(Code, 32, []), 0, SymbolKind.Function);
        ObjectSection data = writer.AddConstants(".dotnet_eh_table");
        writer.Define(DataSymbol, data, data.Append(new byte[DataSize], 8, []), 0, SymbolKind.None);
        writer.AddConstants(frames).Append([.. Frames], 8, References);
        writer.AddMarker(".note.GNU-stack");
        return writer.Write();
    }
}
