namespace Xenlet.Packages.Tests;

/// <summary>A web project.</summary>
public sealed class WebProjectTests
{
    [Fact]
    public async Task The_template_of_dotnet_with_one_line_more_runs_into_Main_with_the_collector_for_one_processor()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        (await workplace.DotNetAsync("web", ["new", "webapiaot", "--no-openapi", "--no-restore"])).AssertSucceeded();
        string project = workplace.PathOf("web/web.csproj");
        string text = await File.ReadAllTextAsync(project);
        int end = text.IndexOf('>', StringComparison.Ordinal) + 1;
        workplace.Write("web/web.csproj", $"{text[..end]}\n  <Sdk Name=\"Xenlet.Sdk\" Version=\"VERSION\" />{text[end..]}");
        string program = await File.ReadAllTextAsync(workplace.PathOf("web/Program.cs"));
        int main = program.IndexOf("var builder", StringComparison.Ordinal);
        workplace.Write("web/Program.cs", program.Insert(main, """
            Console.WriteLine("first line");
            if (args.Length > 0)
            {
                return;
            }


            """));

        PublishedGuest guest = await workplace.PublishAsync("web");

        await guest.AssertSaysAsync("first line", commandLine: "stop", memory: 128);
        Assert.Contains("memory = 128\n", guest.Configuration, StringComparison.Ordinal);
        string linked = await File.ReadAllTextAsync(workplace.PathOf("web/obj/Release/net10.0/linux-x64/native/link-command.txt"));
        Assert.Contains("libRuntime.WorkstationGC.a", linked, StringComparison.Ordinal);
    }
}
