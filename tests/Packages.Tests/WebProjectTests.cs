namespace Xenlet.Packages.Tests;

/// <summary>A web project.</summary>
public sealed class WebProjectTests
{
    /// <summary>What dom0 does: it asks until the service is there, then for what the template has and for what it has not.</summary>
    private const string Client = """
        ip addr add 10.0.0.1/24 dev xenbr0
        until wget -q -O /dev/null http://10.0.0.2:8080/todos/1; do usleep 100000; done
        wget -q -O - http://10.0.0.2:8080/todos/1; echo
        wget -q -O - http://10.0.0.2:8080/todos | head -c 70; echo
        wget -O - http://10.0.0.2:8080/none 2>&1 | grep -o '404 Not Found'
        """;

    private const string Todo = """{"id":1,"title":"Walk the dog","dueBy":null,"isComplete":false}""";

    [Fact]
    public async Task The_template_of_dotnet_with_one_line_more_answers_dom0()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        (await workplace.DotNetAsync("web", ["new", "webapiaot", "--no-openapi", "--no-restore"])).AssertSucceeded();
        workplace.AddSdk("web/web.csproj");

        PublishedGuest guest = await workplace.PublishAsync("web");

        Assert.Contains("memory = 128\n", guest.Configuration, StringComparison.Ordinal);
        string linked = await File.ReadAllTextAsync(workplace.PathOf("web/obj/Release/net10.0/linux-x64/native/link-command.txt"));
        Assert.Contains("libRuntime.WorkstationGC.a", linked, StringComparison.Ordinal);

        (string console, string dom0) = await guest.ServeAsync(Client, "XENLET_IP=10.0.0.2/24", memory: 128);

        // appsettings.json, which is in the image, has what is logged: the host's life, and no word of ASP.NET Core on each request.
        Assert.Contains("Now listening on: http://[::]:8080\n", console, StringComparison.Ordinal);
        Assert.Contains("Content root path: /app\n", console, StringComparison.Ordinal);
        Assert.DoesNotContain("Microsoft.AspNetCore", console, StringComparison.Ordinal);
        Assert.EndsWith("xenlet: exit 0\n", console, StringComparison.Ordinal);
        Assert.Contains($"{Todo}\n", dom0, StringComparison.Ordinal);
        Assert.Contains($"[{Todo},", dom0, StringComparison.Ordinal);
        Assert.Contains("404 Not Found", dom0, StringComparison.Ordinal);
    }
}
