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

    /// <summary>A system call tells the program's memory from the nucleus's by whole pages.</summary>
    [Fact]
    public void The_nucleus_has_its_variables_in_pages_of_its_own()
    {
        CodeImage image = nucleus.Image;
        ulong start = image.Variables["xenlet_nucleus_data"];
        ulong end = image.Variables["xenlet_nucleus_data_end"];
        NucleusWalk.Outcome outcome = NucleusWalk.Run(image, AllowList.Nucleus, [.. MachineEntries, .. Exports]);
        ILookup<bool, string> references = outcome.Functions
            .SelectMany(function => CodeReader.Decode(image, function).Select(instruction => (function, instruction)))
            .Where(at => at.instruction.IsIPRelativeMemoryOperand)
            .Select(at => (at.function, at.instruction, Address: at.instruction.IPRelativeMemoryAddress))
            .Where(at => image.Writable.Any(range => at.Address >= range.Start && at.Address < range.End))
            .ToLookup(at => at.Address >= start && at.Address < end, at => $"{at.function}: {at.instruction}");

        Assert.Equal((0ul, 0ul), (start % 4096, end % 4096));
        Assert.True(references[true].Count() > 500, "the nucleus seems to have no variables: is this its code?");
        Assert.True(
            !references[
                false].Any(), $"code of the nucleus refers to variables among the program's:\n{string.Join('\n', references[false])}");
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
            name => name.Contains("_Nucleus_", StringComparison.Ordinal) && name.Contains(method, StringComparison.Ordinal));
    }
}
