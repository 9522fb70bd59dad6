namespace Xenlet.Linker.Tests;

/// <summary>Differences that another version of the compiler might make are found before the link.</summary>
public sealed class ObjectRequirementsTests
{
    private const string Function = FailureRedirect.NucleusPrefix + "Thing__Check";
    private const string Variable = NucleusVariables.Prefix + FailureRedirect.NucleusPrefix + "Thing";
    private const string Index = "S_P_CoreLib_Internal_Runtime_CompilerHelpers_ThrowHelpers__ThrowIndexOutOfRangeException";

    private static readonly string[] Sections = ["__managedcode", "__modules", ".dotnet_eh_table", ".eh_frame", ".rodata", ".data", ".bss"];

    private static readonly string[] Symbols =
    [
        Function, Variable, Index, "__security_cookie", StubNames.NucleusStart, StubNames.OnSystemCall, StubNames.OnTrap, StubNames.OnNmi,
        StubNames.OnPendingNmi, StubNames.OnNucleusFault, StubNames.PanicBounds, StubNames.PanicStackCookie,
    ];

    public static TheoryData<string> EachSection => [.. Sections.Where(name => name != "__managedcode")];

    public static TheoryData<string> EachSymbol => [.. Symbols];

    [Fact]
    public void An_object_that_has_everything_can_be_linked() => Assert.Empty(Missing());

    [Theory]
    [MemberData(nameof(EachSection))]
    public void A_section_of_another_name_is_named(string section) =>
        Assert.Equal($"there is no section {section}", Assert.Single(Missing(section)));

    [Theory]
    [MemberData(nameof(EachSymbol))]
    public void A_symbol_of_another_name_is_named(string symbol)
    {
        string missing = Assert.Single(Missing(symbol));

        // Of the kernel's functions and variables any is enough: what is named is how they begin.
        string named = symbol switch
        {
            Function => FailureRedirect.NucleusPrefix,
            Variable => NucleusVariables.Prefix + FailureRedirect.NucleusPrefix,
            _ => symbol,
        };
        Assert.EndsWith(named, missing, StringComparison.Ordinal);
    }

    [Fact]
    public void A_helper_that_the_kernel_calls_by_a_new_name_is_named_with_the_caller_and_one_of_the_programs_is_not() =>
        Assert.Equal(
            [$"{Function} refers to RhpFailFastOfAnotherName, a helper of the runtime that the kernel cannot call"],
            Missing(helper: "RhpFailFastOfAnotherName"));

    private static IReadOnlyList<string> Missing(string? leaveOut = null, string helper = "RhpFallbackFailFast")
    {
        ObjectWriter writer = new();
        ObjectSection code = writer.AddCode("__managedcode");

        // Two functions of 16 bytes, the kernel's and the program's, with a call each; the program also calls what the kernel may not.
        code.Append(
            new byte[32],
            16,
            [
                new Relocation(1, RelocationType.Branch32, helper, -4),
                new Relocation(6, RelocationType.Branch32, "RhpFallbackFailFast", -4),
                new Relocation(17, RelocationType.Branch32, "RhpNewFast", -4),
            ]);
        foreach (string name in Sections.Where(name => name != "__managedcode" && name != leaveOut))
        {
            writer.AddData(name).Append(new byte[8], 8, []);
        }

        foreach (string name in Symbols.Where(name => name != leaveOut))
        {
            bool isCode = name == Function;
            writer.Define(name, code, isCode ? 0 : 16, isCode ? 16 : 0, isCode ? SymbolKind.Function : SymbolKind.Data);
        }

        writer.Define("Program__Main", code, 16, 16, SymbolKind.Function);
        return ObjectRequirements.Missing("app.o", writer.Write());
    }
}
