using Xenlet.Nucleus.Tests.Analysis;

namespace Xenlet.Nucleus.Tests;

/// <summary>The proof that the nucleus is free of the runtime, on the linked image.</summary>
public sealed class NucleusImageTests(NucleusImage nucleus) : IClassFixture<NucleusImage>
{
    /// <summary>Where the processor enters. The 32-bit code before xenlet_start_long_mode calls nothing.</summary>
    private static readonly string[] MachineEntries = ["xenlet_start_long_mode", "xenlet_system_call_entry", "xenlet_vectors"];

    /// <summary>What that code calls, and where failed checks end.</summary>
    private static readonly string[] Exports =
    [
        "xenlet_nucleus_start", "xenlet_on_system_call", "xenlet_on_trap", "xenlet_on_nmi", "xenlet_on_pending_nmi",
        "xenlet_on_nucleus_fault", "xenlet_panic_bounds", "xenlet_panic_stack_cookie",
    ];

    [Fact]
    public void The_nucleus_reaches_nothing_of_the_runtime()
    {
        NucleusWalk.Outcome outcome = NucleusWalk.Run(nucleus.Image, AllowList.Nucleus, [.. MachineEntries, .. Exports]);
        Assert.True(
            outcome.Violations.Count == 0,
            $"the nucleus broke its rules {outcome.Violations.Count} times:\n{string.Join('\n', outcome.Violations)}");
    }

    [Fact]
    public void Machine_code_leads_to_every_export_but_the_panics()
    {
        NucleusWalk.Outcome outcome = NucleusWalk.Run(nucleus.Image, AllowList.Nucleus, MachineEntries);
        HashSet<string> reached = [.. outcome.Functions.SelectMany(function => function.Names)];
        Assert.Superset(Exports.Where(name => !name.StartsWith("xenlet_panic", StringComparison.Ordinal)).ToHashSet(), reached);
    }

    [Theory]
    [InlineData("xenlet_nucleus_start", "_FrameAllocator__")]
    [InlineData("xenlet_on_system_call", "_Futex__")]
    [InlineData("xenlet_on_system_call", "_Scheduler__")]
    [InlineData("xenlet_on_trap", "_DemandPaging__")]
    [InlineData("xenlet_on_nmi", "_StateReport__")]
    [InlineData("xenlet_on_nmi", "_Panic__")]
    [InlineData("xenlet_on_pending_nmi", "_StateReport__")]
    [InlineData("xenlet_on_nucleus_fault", "_Panic__")]
    [InlineData("xenlet_panic_bounds", "_Panic__")]
    public void The_walk_reaches_what_the_nucleus_is_made_of(string entry, string method)
    {
        NucleusWalk.Outcome outcome = NucleusWalk.Run(nucleus.Image, AllowList.Nucleus, [entry]);
        Assert.Contains(
            outcome.Functions.SelectMany(function => function.Names),
            name => name.Contains("Nucleus" + method, StringComparison.Ordinal));
    }
}
