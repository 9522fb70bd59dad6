namespace Xenlet.Packages.Tests;

/// <summary>
/// <c>dotnet run</c> boots what the sources say now, with the arguments behind it, the environment of the launch settings and of its own
/// command line, and the keys of its terminal.
/// </summary>
[Trait("Category", "Soak")]
public sealed class DotNetRunTests(DotNetRunTests.Project project) : IClassFixture<DotNetRunTests.Project>
{
    private const string Program = """
        Console.WriteLine($"WORD {Environment.GetEnvironmentVariable("FROM_SETTINGS")} {Environment.GetEnvironmentVariable("FROM_LINE")}");
        Console.WriteLine(string.Join('|', args));
        if (args is ["wait"])
        {
            using ManualResetEventSlim interrupted = new();
            Console.CancelKeyPress += (_, key) =>
            {
                key.Cancel = true;
                Console.WriteLine("interrupted");
                interrupted.Set();
            };
            Console.WriteLine("waiting");
            interrupted.Wait();
        }

        return 7;

        """;

    private const string Settings = """
        { "profiles": { "guest": { "commandName": "Project", "environmentVariables": { "FROM_SETTINGS": "a setting" } } } }
        """;

    [Fact]
    public Task A_project_that_was_edited_says_the_new_text() => AssertFollowsEditsAsync(project.Workplace, "run/Program.cs", []);

    [Fact]
    public async Task A_file_that_was_edited_says_the_new_text()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("one/one.run.json", Settings);

        await AssertFollowsEditsAsync(workplace, "one/one.cs", ["one.cs"], "#:sdk Xenlet.Sdk@VERSION\n");
    }

    [Fact]
    public async Task Ctrl_C_in_a_terminal_is_a_key_of_the_program_which_may_end_in_order()
    {
        if (!File.Exists(project.Workplace.PathOf("run/Program.cs")))
        {
            project.Workplace.Write("run/Program.cs", Program);
        }

        CommandResult run = await Commands.RunInTerminalAsync(
            "dotnet run -- wait",
            "waiting",
            _ => Task.FromResult("\u0003"),
            project.Workplace.PathOf("run"),
            project.Workplace.Environment);

        // The guest's console echoes a control character as Linux's terminals do.
        string text = run.Output.Replace("\r", "", StringComparison.Ordinal);
        Assert.True(
            run.Status == 7 && text.Contains("waiting\n^Cinterrupted\nxenlet: exit 7\n", StringComparison.Ordinal),
            $"'^Cinterrupted' and status 7 were expected; it ended with {run.Status} and wrote:\n{text}");
    }

    private static async Task AssertFollowsEditsAsync(Workplace workplace, string source, string[] words, string head = "")
    {
        foreach (string word in (string[])["first", "second"])
        {
            workplace.Write(source, head + Program.Replace("WORD", word, StringComparison.Ordinal));

            CommandResult run = await workplace.DotNetAsync(
                Path.GetDirectoryName(source)!, ["run", .. words, "-e", "FROM_LINE=a line", "--", "--xen", "-e", "b c"]);

            string expected = $"{word} a setting a line\r\n--xen|-e|b c\r\nxenlet: exit 7\r\n";
            Assert.True(
                run.Status == 7 && run.Output.Contains(expected, StringComparison.Ordinal),
                $"status 7 and '{expected}' were expected; it ended with {run.Status} and wrote:\n{run.Output}");
        }
    }

    /// <summary>A project that tests share, so that it is published no more often than it is edited.</summary>
    public sealed class Project : IAsyncLifetime
    {
        internal Workplace Workplace { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Workplace = await Workplace.CreateAsync();
            Workplace.Write("run/run.csproj", """
                <Project Sdk="Microsoft.NET.Sdk">
                  <Sdk Name="Xenlet.Sdk" Version="VERSION" />
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <ImplicitUsings>enable</ImplicitUsings>
                  </PropertyGroup>
                </Project>
                """);
            Workplace.Write("run/Properties/launchSettings.json", Settings);
        }

        public Task DisposeAsync()
        {
            Workplace.Dispose();
            return Task.CompletedTask;
        }
    }
}
