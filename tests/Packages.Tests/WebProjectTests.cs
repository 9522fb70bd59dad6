using System.Net;
using System.Text.RegularExpressions;

namespace Xenlet.Packages.Tests;

/// <summary>A web project.</summary>
public sealed partial class WebProjectTests
{
    private const string Todo = """{"id":1,"title":"Walk the dog","dueBy":null,"isComplete":false}""";

    [Fact]
    public async Task The_template_of_dotnet_with_one_line_more_answers_this_machine_at_the_address_that_dotnet_run_prints()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.ShareDom0();
        (await workplace.DotNetAsync("web", ["new", "webapiaot", "--no-openapi", "--no-restore"])).AssertSucceeded();
        workplace.AddSdk("web/web.csproj");

        PublishedGuest guest = await workplace.PublishAsync("web");

        Assert.Contains("memory = 128\n", guest.Configuration, StringComparison.Ordinal);
        string linked = await File.ReadAllTextAsync(workplace.PathOf("web/obj/Release/net10.0/linux-x64/native/link-command.txt"));
        Assert.Contains("libRuntime.WorkstationGC.a", linked, StringComparison.Ordinal);

        // No source is newer than the image: it is that of the publication.
        CommandResult run = await Commands.RunInTerminalAsync(
            "dotnet run -c Release --no-build -e XENLET_IP=10.0.0.2/24",
            " on this machine)",
            AskAsync,
            workplace.PathOf("web"),
            workplace.Environment);

        // appsettings.json, which is in the image, has what is logged: the host's life, and no word of ASP.NET Core on each request.
        string console = run.AssertSucceeded().Output.ReplaceLineEndings("\n");
        Assert.Contains("Now listening on: http://[::]:8080 (http://127.0.0.1:", console, StringComparison.Ordinal);
        Assert.Contains("Content root path: /app\n", console, StringComparison.Ordinal);
        Assert.DoesNotContain("Microsoft.AspNetCore", console, StringComparison.Ordinal);
        Assert.Contains("xenlet: exit 0\n", console, StringComparison.Ordinal);
    }

    /// <summary>Asks for what the template has and for what it has not, and ends the service by Ctrl-C.</summary>
    private static async Task<string> AskAsync(string terminal)
    {
        using HttpClient client = new()
        {
            BaseAddress = new Uri(Address().Match(terminal).Groups[1].Value),
            Timeout = TimeSpan.FromMinutes(5),
        };
        Assert.Equal(Todo, await client.GetStringAsync("todos/1"));
        Assert.StartsWith($"[{Todo},", await client.GetStringAsync("todos"), StringComparison.Ordinal);
        using HttpResponseMessage none = await client.GetAsync("none");
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        return "\u0003";
    }

    [GeneratedRegex(@"\((http://127\.0\.0\.1:\d+) on this machine\)")]
    private static partial Regex Address();
}
