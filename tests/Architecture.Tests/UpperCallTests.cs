using dnlib.DotNet;

namespace Xenlet.Architecture.Tests;

/// <summary>
/// The nucleus's calls from a lower floor to a higher one: imports that the linker connects with exports, so that the compiled assembly has
/// no reference.
/// </summary>
public sealed class UpperCallTests
{
    private const string UpperCalls = "Xenlet.Kernel.Nucleus.Base.UpperCalls";

    [Fact]
    public void Whatever_goes_up_is_named_in_one_file()
    {
        ModuleDefMD kernel = ModuleDefMD.Load(Path.Combine(AppContext.BaseDirectory, "Xenlet.Kernel.dll"));
        HashSet<string> exports = [.. Symbols(kernel, "System.Runtime.RuntimeExportAttribute", 0).Select(export => export.Symbol)];
        (string Type, string Symbol)[] joined =
            [.. Symbols(kernel, "System.Runtime.RuntimeImportAttribute", 1).Where(
                import => exports.Contains(import.Symbol) || import.Type == UpperCalls)];

        Assert.NotEmpty(joined);
        Assert.All(
            joined,
            import => Assert.Equal((UpperCalls, import.Symbol, true), (import.Type, import.Symbol, exports.Contains(import.Symbol))));
    }

    private static IEnumerable<(string Type, string Symbol)> Symbols(ModuleDefMD module, string attribute, int argument) =>
        from type in module.GetTypes()
        from method in type.Methods
        from found in method.CustomAttributes
        where found.TypeFullName == attribute
        select (type.FullName, found.ConstructorArguments[argument].Value.ToString()!);
}
