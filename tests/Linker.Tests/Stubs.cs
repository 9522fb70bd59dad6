using Iced.Intel;

namespace Xenlet.Linker.Tests;

/// <summary>The stubs, as the tests read them.</summary>
internal static class Stubs
{
    /// <summary>All blocks by name.</summary>
    public static IReadOnlyDictionary<string, Block> All { get; } = StubAssembler.Assemble().ToDictionary(b => b.Name);

    /// <summary>Names of the blocks that hold code.</summary>
    public static IEnumerable<Block> Code => All.Values.Where(b => b.Bitness != 0);

    /// <summary>Decodes a block of code.</summary>
    public static List<Instruction> Decode(string name) => Decode(All[name]);

    /// <summary>Decodes a block of code; an instruction's IP is its offset in the block.</summary>
    public static List<Instruction> Decode(Block block)
    {
        Decoder decoder = Decoder.Create(block.Bitness, block.Bytes);
        List<Instruction> instructions = new();
        while (decoder.IP < (ulong)block.Bytes.Length)
        {
            instructions.Add(decoder.Decode());
        }

        return instructions;
    }

    /// <summary>The symbol an instruction refers to, or nothing.</summary>
    public static string? Target(Block block, Instruction instruction) =>
        block.Relocations.SingleOrDefault(r => (ulong)r.Offset > instruction.IP && (ulong)r.Offset < instruction.NextIP)?.Symbol;
}
