namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>A function that code of the nucleus may call, and why.</summary>
/// <param name="Name">The symbol, or how it begins.</param>
/// <param name="IsPrefix">The name is how the symbol begins.</param>
/// <param name="Reason">Why it is safe below the runtime.</param>
internal sealed record Allowed(string Name, bool IsPrefix, string Reason);

/// <summary>The functions that code of the nucleus may reach. Their own calls are walked too.</summary>
internal sealed class AllowList(IReadOnlyList<Allowed> entries)
{
    /// <summary>What the design allows a nucleus.</summary>
    public static AllowList Nucleus { get; } = new(
    [
        new("Xenlet_Kernel_Xenlet_Kernel_Nucleus_", true, "the nucleus's own methods: assembly, then namespace"),
        new("xenlet_", true, "machine code from linker/, and the nucleus's exports"),
    ]);

    /// <summary>Whether a function is allowed, by any of its names.</summary>
    public bool Allows(Function function) => function.Names.Any(name => entries.Any(entry => Matches(entry, name)));

    private static bool Matches(Allowed entry, string name) =>
        entry.IsPrefix ? name.StartsWith(entry.Name, StringComparison.Ordinal) : name == entry.Name;
}
