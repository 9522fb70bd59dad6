namespace Xenlet.Packages.Tests;

/// <summary>
/// <c>dotnet run</c> boots what the sources say now, with the arguments behind it and the environment of the launch settings.
/// </summary>
[Trait("Category", "Soak")]
public sealed class DotNetRunTests
{
    private const string Program = """
        Console.WriteLine($"WORD {Environment.GetEnvironmentVariable("FROM_SETTINGS")} {string.Join('|', args)}");
        return 7;

        """;

    private const string Settings = """
        { "profiles": { "guest": { "commandName": "Project", "environmentVariables": { "FROM_SETTINGS": "a setting" } } } }
        """;

    [Fact]
    public async Task A_project_that_was_edited_says_the_new_text()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("run/run.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <Sdk Name="Xenlet.Sdk" Version="VERSION" />
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
              </PropertyGroup>
            </Project>
            """);
        workplace.Write("run/Properties/launchSettings.json", Settings);

        await AssertFollowsEditsAsync(workplace, "run", "Program.cs", []);
    }

    [Fact]
    public async Task A_file_that_was_edited_says_the_new_text()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("one/one.run.json", Settings);

        await AssertFollowsEditsAsync(workplace, "one", "one.cs", ["one.cs"], "#:sdk Xenlet.Sdk@VERSION\n");
    }

    private static async Task AssertFollowsEditsAsync(
        Workplace workplace, string directory, string source, string[] words, string head = "")
    {
        foreach (string word in (string[])["first", "second"])
        {
            workplace.Write($"{directory}/{source}", head + Program.Replace("WORD", word, StringComparison.Ordinal));

            CommandResult run = await workplace.DotNetAsync(directory, ["run", .. words, "--", "--xen", "b c"]);

            Assert.True(
                run.Status == 7 && run.Output.Contains($"{word} a setting --xen|b c\r\nxenlet: exit 7\r\n", StringComparison.Ordinal),
                $"'{word} a setting --xen|b c' and status 7 were expected; it ended with {run.Status} and wrote:\n{run.Output}");
        }
    }
}
