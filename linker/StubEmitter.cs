using Iced.Intel;

namespace Xenlet.Linker;

/// <summary>The instruction field that holds an address.</summary>
public enum OperandField
{
    /// <summary>An immediate operand or a branch target.</summary>
    Immediate,

    /// <summary>The displacement of a memory operand.</summary>
    Displacement,
}

/// <summary>
/// Assembles one block of code. Iced cannot refer to a symbol of another object, so an instruction that needs one is written with
/// <see cref="Placeholder"/> and marked with <see cref="Refer"/>. The field becomes zero bytes and a relocation.
/// </summary>
public sealed class StubEmitter
{
    /// <summary>
    /// A placeholder for an address until the link. It is far from address 0, at which blocks are assembled, and above 127, so that the
    /// assembler never chooses a short branch or an 8-bit field for it.
    /// </summary>
    public const uint Placeholder = 0x4000_0000;

    private readonly List<Reference> _references = [];
    private readonly List<Export> _exports = [];
    private readonly int _bitness;

    /// <summary>Starts an empty block.</summary>
    /// <param name="bitness">32 or 64: the processor's mode when it runs the code.</param>
    public StubEmitter(int bitness)
    {
        _bitness = bitness;
        Code = new Assembler(bitness);
    }

    /// <summary>The assembler that receives the instructions.</summary>
    public Assembler Code { get; }

    /// <summary>Marks the last instruction as holding a symbol's address.</summary>
    /// <param name="symbol">The symbol.</param>
    /// <param name="field">The field that holds the address.</param>
    /// <param name="type">How the address is stored.</param>
    /// <param name="addend">A number added to the address.</param>
    public void Refer(string symbol, OperandField field, RelocationType type, long addend = 0) =>
        _references.Add(new Reference(Code.Instructions.Count - 1, symbol, field, type, addend));

    /// <summary>Defines a symbol at the next instruction.</summary>
    /// <param name="name">The symbol.</param>
    public void Symbol(string name) => _exports.Add(new Export(Code.Instructions.Count, name));

    /// <summary>Loads a symbol's address into a register. The image lies below 2 GiB, so 32 bits are enough in both modes.</summary>
    /// <param name="register">The register. In 64-bit code its upper half becomes zero.</param>
    /// <param name="symbol">The symbol.</param>
    public void LoadAddress(AssemblerRegister32 register, string symbol)
    {
        Code.mov(register, Placeholder);
        Refer(symbol, OperandField.Immediate, RelocationType.Absolute32);
    }

    /// <summary>Calls a function.</summary>
    /// <param name="symbol">The function.</param>
    public void Call(string symbol)
    {
        Code.call(Placeholder);
        ReferBranch(symbol);
    }

    /// <summary>Jumps to another block.</summary>
    /// <param name="symbol">Its symbol.</param>
    public void Jump(string symbol)
    {
        Code.jmp(Placeholder);
        ReferBranch(symbol);
    }

    /// <summary>Marks the last instruction, a branch, as going to a symbol.</summary>
    /// <param name="symbol">The symbol.</param>
    public void ReferBranch(string symbol) =>
        // The processor counts from the end of the instruction, the relocation from the field, which is four bytes earlier.
        Refer(symbol, OperandField.Immediate, RelocationType.Branch32, -4);

    /// <summary>Encodes the emitted instructions.</summary>
    /// <param name="name">The symbol of the first byte.</param>
    /// <param name="section">The section it goes to.</param>
    /// <returns>The block.</returns>
    public Block ToBlock(string name, BlockSection section = BlockSection.Text)
    {
        (byte[]? bytes, List<Relocation>? relocations, List<InnerSymbol>? symbols) = Encode(name);
        return new Block(name, section, 16, bytes, bytes.Length)
        {
            Bitness = _bitness,
            Relocations = relocations,
            InnerSymbols = symbols,
        };
    }

    private (byte[] Bytes, List<Relocation> Relocations, List<InnerSymbol> Symbols) Encode(string name)
    {
        using MemoryStream stream = new();
        BlockEncoderResult encoded = Code.Assemble(
            new StreamCodeWriter(stream),
            0,
            BlockEncoderOptions.ReturnConstantOffsets | BlockEncoderOptions.ReturnNewInstructionOffsets).Result[0];
        byte[] bytes = stream.ToArray();
        List<Relocation> relocations = new(_references.Count);
        foreach (Reference reference in _references)
        {
            ConstantOffsets constants = encoded.ConstantOffsets[reference.Instruction];
            (byte start, byte size) = reference.Field == OperandField.Immediate
                ? (constants.ImmediateOffset, constants.ImmediateSize)
                : (constants.DisplacementOffset, constants.DisplacementSize);
            int expected = reference.Type == RelocationType.Absolute64 ? 8 : 4;
            if (size != expected)
            {
                throw new InvalidOperationException(
                    $"{name}: the reference to {reference.Symbol} needs a field of {expected} bytes, the instruction has {size}.");
            }

            int offset = checked((int)encoded.NewInstructionOffsets[reference.Instruction] + (int)start);
            bytes.AsSpan(offset, expected).Clear();
            relocations.Add(new Relocation(offset, reference.Type, reference.Symbol, reference.Addend));
        }

        List<InnerSymbol> symbols = _exports.ConvertAll(
            e => new InnerSymbol(e.Name, checked((int)encoded.NewInstructionOffsets[e.Instruction])));
        return (bytes, relocations, symbols);
    }

    private sealed record Reference(int Instruction, string Symbol, OperandField Field, RelocationType Type, long Addend);

    private sealed record Export(int Instruction, string Name);
}
