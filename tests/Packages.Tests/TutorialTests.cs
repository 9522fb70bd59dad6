namespace Xenlet.Packages.Tests;

/// <summary>docs/tutorial.md is true.</summary>
[Trait("Category", "Soak")]
public sealed class TutorialTests
{
    [Fact]
    public async Task Every_command_of_the_tutorial_writes_what_the_tutorial_says()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        TutorialReader reader = new(workplace);
        IReadOnlyList<TutorialStep> steps = TutorialDocument.Read(
            await File.ReadAllTextAsync(Path.Combine(PackedFeed.RepositoryRoot, "docs", "tutorial.md")));
        Assert.Contains(steps, step => step is TutorialStep.File { Name: "Program.cs" });
        Assert.Contains(steps, step => step is TutorialStep.Command { Text: "dotnet run" });
        foreach (TutorialStep step in steps)
        {
            await reader.DoAsync(step);
        }
    }
}
