namespace Xenlet.Build;

/// <summary>The cost of a step of a test run.</summary>
/// <param name="Lane">Its lane: lanes run in parallel, the steps of a lane one after the other.</param>
/// <param name="Name">Its name: a test project's, or what else was done.</param>
/// <param name="Wall">Wall time from its start to its end.</param>
/// <param name="Processor">Processor time of all its processes.</param>
internal sealed record StepCost(string Lane, string Name, TimeSpan Wall, TimeSpan Processor);
