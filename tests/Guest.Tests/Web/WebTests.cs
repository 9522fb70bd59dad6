using System.Globalization;
using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests.Web;

/// <summary>samples/Web, a service on ASP.NET Core, with dom0's Linux as its client.</summary>
[Collection(DriversUnderXen.Name)]
public sealed partial class WebTests(XenWorld world, WebService service) : IClassFixture<WebService>
{
    /// <summary>For some 300 connections, one after the other, on a busy machine.</summary>
    private static readonly TimeSpan TableLimit = TimeSpan.FromMinutes(20);

    private static string Table => Path.Combine(PublishedImages.RepositoryRoot, "tests", "Guest.Tests", "Web", "requests.txt");

    private static string Script => Path.Combine(PublishedImages.RepositoryRoot, "samples", "Web", "web.sh");

    [Fact]
    public async Task A_table_of_requests_good_and_bad_is_answered_as_on_Linux()
    {
        WebGuest guest = await service.RunningAsync();
        string peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);
        string modified = await guest.Dom0Async(
            $"wget -S -O /dev/null http://{WebGuest.Address}:{WebGuest.Port}/ 2>&1 | sed -n 's/^ *Last-Modified: //p' | tr -d '\\r'");
        DateTime pageTime = DateTimeOffset.ParseExact(modified, "R", CultureInfo.InvariantCulture).UtcDateTime;
        (LinuxWebService linux, int port) = await LinuxWebService.StartAsync(pageTime);
        using (linux)
        {
            Dictionary<string, string> expected = Read(await PublishedImages.RunAsync(
                await Images.NetworkPeer, ["requests", Table, "127.0.0.1", port.ToString(CultureInfo.InvariantCulture)]));
            Assert.True(expected.Count >= 200, $"the table has {expected.Count} connections, and ought to have 200 or more");

            CommandResult run = await world.Machine.RunInDom0Async(
                $"{peer} requests {world.Machine.Share(Table)} {WebGuest.Address} {WebGuest.Port}", TableLimit);
            Dictionary<string, string> actual = Read(run.ThrowIfFailed("the table of requests in dom0").Output);

            Assert.Equal(expected.Keys, actual.Keys);
            string[] differences = [.. expected.Where(each => actual[each.Key] != each.Value)
                .Select(each => $"=== {each.Key}\nLinux has\n{each.Value}\nthe guest\n{actual[each.Key]}")];
            Assert.True(differences.Length == 0, string.Join("\n\n", differences));
        }
    }

    [Fact]
    public async Task Beside_a_thousand_idle_clients_others_are_served_and_those_who_never_end_their_request_are_cut()
    {
        WebGuest guest = await service.RunningAsync();
        string peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);

        string output = await guest.Dom0Async($"ulimit -n 4096; {peer} idle {WebGuest.Address} {WebGuest.Port} 1000 50", TableLimit);

        Assert.Equal(
            """
            with 1000 idle and 50 slow ones: HTTP/1.1 200 OK
            slow ones that the server has ended: 50
            an idle one after the first of these: HTTP/1.1 200 OK
            another: HTTP/1.1 200 OK
            """,
            output);
    }

    /// <summary>What `build.sh run samples/Web` shows, and beside it a request that lasts longer than the end may take.</summary>
    [Fact]
    public async Task Curl_is_served_over_HTTP_TLS_HTTP2_and_a_WebSocket_and_the_end_waits_for_slow_requests_up_to_its_limit()
    {
        WebGuest guest = await service.RunningAsync();
        await world.GiveProgramsAsync("curl");
        await guest.Dom0Async($"curl -sS http://{WebGuest.Address}:{WebGuest.Port}/slow/600 > /tmp/web-cut 2>&1 &");
        await guest.SeesAsync("a request waits 600 s");

        string output = await guest.Dom0Async($"GUEST=$id sh {world.Machine.Share(Script)}");

        string[] expected =
        [
            """{"text":"Hello, dom0!","protocol":"HTTP/1.1"}""",
            """{"total":42,"count":3}""",
            "<h1>A web service without an operating system</h1>",
            """{"text":"Hello, tls!","protocol":"HTTP/1.1"}""",
            """{"text":"Hello, alpn!","protocol":"HTTP/2"}""",
            "101 Switching Protocols",
            "over a WebSocket",
            "$ xl shutdown",
            "this takes 5 s",
            "and is answered",
        ];
        Assert.All(expected, line => Assert.Contains(line, output.ReplaceLineEndings("\n").Split('\n')));
        await guest.SeesAllAsync("Application is shutting down...", "a request of 5 s is answered", "a request of 600 s is cut");
        (await EndedGuest.OfAsync(guest.Guest, World.Limit)).AssertExited(0);
        string cut = await guest.Dom0Async("until [ -s /tmp/web-cut ]; do usleep 50000; done; cat /tmp/web-cut; rm /tmp/web-cut");
        Assert.StartsWith("curl: (", cut, StringComparison.Ordinal);
        await service.ForgetAsync();
    }

    [Fact]
    public async Task Where_the_command_line_says_that_it_listens_it_listens_alone()
    {
        await using IGuest guest = await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Web,
            MemoryMiB = WebGuest.MemoryMiB,
            CommandLine = $"XENLET_IP={WebGuest.Address}/24 ASPNETCORE_URLS=http://*:81",
            Vifs = [""],
        });

        await guest.WaitForTextAsync("Application started.", World.Limit);

        string[] listening = [.. guest.Console.Text.Split('\n').Where(line => line.Contains("listening", StringComparison.Ordinal))];
        Assert.Equal(["Now listening on: http://[::]:81"], listening.Select(line => line.Trim()));
    }

    /// <summary>What came on each connection, by its name.</summary>
    private static Dictionary<string, string> Read(string output) => output.Split("=== ", StringSplitOptions.RemoveEmptyEntries)
        .Select(text => text.Split('\n', 2))
        .ToDictionary(parts => parts[0], parts => parts[1].Trim());
}
