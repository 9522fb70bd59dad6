namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>A function that code of the nucleus may call, and why.</summary>
/// <param name="Name">The symbol, or how it begins.</param>
/// <param name="IsPrefix">The name is how the symbol begins.</param>
/// <param name="Reason">Why it is safe below the runtime.</param>
internal sealed record Allowed(string Name, bool IsPrefix, string Reason);

/// <summary>The functions that code of the nucleus may reach. Their own calls are walked too.</summary>
/// <param name="entries">Which.</param>
/// <param name="wayOut">The function that may end with a jump to an address in a register: to the program, which is not walked.</param>
internal sealed class AllowList(IReadOnlyList<Allowed> entries, string? wayOut = null)
{
    /// <summary>The functions that the design allows in the nucleus.</summary>
    public static AllowList Nucleus { get; } = new(
    [
        new("Xenlet_Kernel_Xenlet_Kernel_Nucleus_", true, "the nucleus's own methods: assembly, then namespace"),
        new("xenlet_", true, "machine code from linker/, and the nucleus's exports"),
    ], wayOut: "xenlet_call_return");

    /// <summary>Whether a function is allowed, by any of its names.</summary>
    public bool Allows(Function function) => function.Names.Any(name => entries.Any(entry => Matches(entry, name)));

    /// <summary>Whether a function's last instruction may go to the program.</summary>
    public bool IsWayOut(Function function) => wayOut is not null && function.Names.Contains(wayOut);

    private static bool Matches(Allowed entry, string name) =>
        entry.IsPrefix ? name.StartsWith(entry.Name, StringComparison.Ordinal) : name == entry.Name;
}
