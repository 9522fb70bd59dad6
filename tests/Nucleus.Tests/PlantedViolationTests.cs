using Xenlet.Nucleus.Tests.Analysis;

namespace Xenlet.Nucleus.Tests;

/// <summary>Tests of the test: what a compiler really makes of each broken rule is found, with the way that leads there.</summary>
public sealed class PlantedViolationTests(PlantedProgram program) : IClassFixture<PlantedProgram>
{
    private static readonly AllowList Planted = new(
    [
        new("planted_", true, "the entry points"),
        new("Planted_Planted_", true, "the methods below them"),
    ]);

    [Theory]
    [InlineData("planted_allocation", nameof(Rule.ForbiddenFunction), "Allocate", "RhpNew")]
    [InlineData("planted_pinvoke", nameof(Rule.ForbiddenFunction), "CallNative", "RhpPInvoke")]
    [InlineData("planted_poll", nameof(Rule.ForbiddenFunction), "CallNativeWithoutTransition", "RhpGcPoll")]
    [InlineData("planted_function_pointer", nameof(Rule.UnresolvedTarget), "CallPointer", null)]
    [InlineData("planted_thread_static", nameof(Rule.ThreadLocalAccess), "UseThreadStatic", null)]
    [InlineData("planted_virtual_call", nameof(Rule.UnresolvedTarget), "CallVirtual", null)]
    [InlineData("planted_bounds_check", nameof(Rule.ForbiddenFunction), "Index", "ThrowIndexOutOfRange")]
    [InlineData("planted_class_constructor", nameof(Rule.ForbiddenFunction), "UseClassConstructor", "StaticBase")]
    [InlineData("planted_throw", nameof(Rule.ForbiddenFunction), "ThrowWhenNegative", "RhpThrowEx")]
    [InlineData("planted_span_clear", nameof(Rule.ForbiddenFunction), "Clear", "SpanHelpers")]
    public void A_broken_rule_is_found_with_the_chain_that_leads_there(string entry, string rule, string method, string? callee)
    {
        NucleusWalk.Outcome outcome = NucleusWalk.Run(program.Image, Planted, [entry]);
        Assert.Contains(outcome.Violations, violation =>
            violation.Rule.ToString() == rule
            && violation.Chain[0].Contains(entry, StringComparison.Ordinal)
            && violation.Chain[1].Contains("Violations__" + method, StringComparison.Ordinal)
            && (callee is null ? violation.Chain.Count == 2 : violation.Chain[^1].Contains(callee, StringComparison.Ordinal)));
    }

    [Fact]
    public void Code_that_breaks_no_rule_passes_with_its_jump_table()
    {
        NucleusWalk.Outcome outcome = NucleusWalk.Run(program.Image, Planted, ["planted_nothing"]);
        Assert.Empty(outcome.Violations);
        Assert.Equal(3, outcome.Functions.Count);
        Assert.Contains(
            outcome.Functions.SelectMany(function => CodeReader.Decode(program.Image, function)),
            instruction => instruction.FlowControl == Iced.Intel.FlowControl.IndirectBranch);
    }

    [Fact]
    public void An_entry_point_that_is_not_there_is_named()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => NucleusWalk.Run(program.Image, Planted, ["planted_missing"]));
        Assert.Contains("planted_missing", error.Message, StringComparison.Ordinal);
    }
}
