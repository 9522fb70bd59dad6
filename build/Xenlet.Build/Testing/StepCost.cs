namespace Xenlet.Build;

/// <summary>What a step of a test run took.</summary>
/// <param name="Lane">What it ran in: lanes run beside each other, the steps of a lane one after the other.</param>
/// <param name="Name">Its name: a test project's, or what else was done.</param>
/// <param name="Wall">From its begin to its end.</param>
/// <param name="Processor">Of all its processes.</param>
internal sealed record StepCost(string Lane, string Name, TimeSpan Wall, TimeSpan Processor);
