using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

/// <summary>
/// An object as ILC writes it: one code section, branches within it resolved, relocations for the rest. Two functions of the nucleus and
/// one of the program fail in every way there is.
/// </summary>
internal static class RedirectObject
{
    public const string Nucleus = FailureRedirect.NucleusPrefix + "Thing__Check";

    /// <summary>A function of the nucleus whose last instruction is a relocated call; a helper follows it without a gap.</summary>
    public const string Neighbour = FailureRedirect.NucleusPrefix + "Thing__Neighbour";

    public const string Program = "Xenlet_Kernel_Xenlet_Kernel_EventChannel__Check";

    public const string IndexHelper = "S_P_CoreLib_Internal_Runtime_CompilerHelpers_ThrowHelpers__ThrowIndexOutOfRangeException";

    public const string ArgumentHelper = "S_P_CoreLib_System_ThrowHelper__ThrowArgumentOutOfRangeException";

    public const string OtherHelper = "S_P_CoreLib_System_ThrowHelper__ThrowElsewhere";

    public const string Allocator = "RhpNewFast";

    public const string Cookie = "RhpFallbackFailFast";

    /// <summary>Writes the object.</summary>
    /// <param name="places">Offsets of the functions in the section.</param>
    /// <param name="panicSection">The section of the panics; nothing leaves them undefined.</param>
    /// <param name="leaveOut">A function that is not there.</param>
    /// <param name="branch">The conditional branch to a helper.</param>
    public static byte[] Write(
        out Dictionary<string, int> places,
        string? panicSection = "__managedcode",
        string? leaveOut = null,
        Code branch = Iced.Intel.Code.Jne_rel32_64)
    {
        // Sixteen bytes each but the neighbour, which is all relocated call.
        Dictionary<string, int> at = places = new Dictionary<string, int>
        {
            [IndexHelper] = 0,
            [ArgumentHelper] = 16,
            [Nucleus] = 32,
            [Program] = 96,
            [Neighbour] = 160,
            [OtherHelper] = 165,
            [StubNames.PanicBounds] = 192,
            [StubNames.PanicStackCookie] = 208,
        };
        ObjectWriter writer = new();
        ObjectSection code = writer.AddCode("__managedcode");
        byte[] bytes = new byte[224];
        bytes.AsSpan().Fill(0xCC);
        List<Relocation> relocations = new();
        foreach (string name in (string[])[Nucleus, Program])
        {
            Put(at[name], c =>
            {
                c.call((ulong)at[IndexHelper]);
                c.call((ulong)at[ArgumentHelper]);
                c.test(eax, eax);
                c.AddInstruction(Instruction.CreateBranch(branch, (ulong)at[IndexHelper]));
                c.AddInstruction(Instruction.CreateBranch(Iced.Intel.Code.Jmp_rel32_64, (ulong)at[ArgumentHelper]));

                // Not helpers: the function itself, and two symbols elsewhere.
                c.call((ulong)at[name]);
                c.call((ulong)at[name] + 64);
                c.call((ulong)at[name] + 64);
                c.ret();
            });
            relocations.Add(new Relocation(at[name] + 29, RelocationType.Branch32, Cookie, -4));
            relocations.Add(new Relocation(at[name] + 34, RelocationType.Branch32, Allocator, -4));
        }

        // Before the link, a relocated call's own bytes say that it goes to what follows it.
        Put(at[Neighbour], c => c.call((ulong)at[Neighbour] + 5));
        relocations.Add(new Relocation(at[Neighbour] + 1, RelocationType.Branch32, Allocator, -4));

        code.Append(bytes, 32, relocations);
        foreach ((string? name, int offset) in at)
        {
            bool isPanic = name is StubNames.PanicBounds or StubNames.PanicStackCookie;
            if (name == leaveOut || (isPanic && panicSection is null))
            {
                continue;
            }

            int size = name switch { Nucleus or Program => 39, Neighbour => 5, _ => 1 };
            ObjectSection section = isPanic && panicSection != "__managedcode" ? writer.AddCode(panicSection! + name) : code;
            if (section != code)
            {
                section.Append(new byte[256], 16, []);
            }

            writer.Define(name, section, offset, size, SymbolKind.Function);
        }

        return writer.Write();

        void Put(int offset, Action<Assembler> emit)
        {
            Assembler assembler = new(64);
            emit(assembler);
            using MemoryStream stream = new();

            // As ILC writes them: a branch out of a function has four bytes for the distance, however near the target is.
            assembler.Assemble(new StreamCodeWriter(stream), (ulong)offset, BlockEncoderOptions.DontFixBranches);
            stream.ToArray().CopyTo(bytes.AsSpan(offset));
        }
    }
}
