using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace Xenlet.Guest.Tests.Web;

/// <summary>samples/Web under load for an hour. Run by <c>build.sh soak</c>.</summary>
[Collection(DriversUnderXen.Name)]
[Trait("Category", "Soak")]
public sealed class WebSoakTests(XenWorld world, ITestOutputHelper output)
{
    /// <summary>Reports of the first minutes that are compared with as many of the last.</summary>
    private const int Compared = 10;

    /// <summary>How much more there may be in the end, in KiB: what is on its way when the guest is asked is not always as much.</summary>
    private const long Tolerance = 1024;

    /// <summary>Grants of frames that are on their way when the guest is asked.</summary>
    private const long FramesOnTheirWay = 32;

    /// <summary>For connections that stay open. The rest of the guest's time is for handshakes, and of the machine's for others.</summary>
    private const int RestMilliseconds = 100;

    /// <summary>Has Kestrel say what becomes of each handshake.</summary>
    private const string TellsOfHandshakes = "Logging:LogLevel:Microsoft.AspNetCore.Server.Kestrel.Https=Debug";

    /// <summary>What it says when it ends a connection whose handshake has taken ten seconds, its limit.</summary>
    private const string HandshakeTimedOut = "Authentication of the HTTPS connection timed out.";

    private const string Established = "established using the following protocol";

    private const string Connections = "/tmp/web-connections";

    private static readonly TimeSpan Duration = TimeSpan.FromHours(1);

    [Fact]
    public async Task After_an_hour_of_load_the_guest_uses_as_much_memory_as_after_the_first_minutes()
    {
        await using WebGuest guest = await WebGuest.StartAsync(world, arguments: TellsOfHandshakes);
        await world.GiveProgramsAsync("ab", "curl");
        WrkLoad http = await WrkLoad.StartAsync(world, guest, $"{WebGuest.Http}/hello/wrk", RestMilliseconds);
        WrkLoad https = await WrkLoad.StartAsync(world, guest, $"{WebGuest.Https}/hello/wrk", RestMilliseconds);

        // Each request is a connection, and a handshake over HTTPS, where ab takes an end without close_notify, Kestrel's to HTTP/1.0,
        // for a failure, on Linux too.
        await guest.Dom0Async(
            $$"""
            mkdir {{Connections}}
            (
                until [ -e {{Connections}}/end ]; do
                    ab -q -s 600 -n 20 -c 2 {{WebGuest.Http}}/ 2>&1 | grep -E '^(Complete|Failed|Non-2xx|apr_)'
                    for request in 1 2 3 4 5; do
                        curl -sk -m 600 -o /dev/null -w 'HTTPS answered: %{http_code} %{errormsg}\n' {{WebGuest.Https}}/
                    done
                    usleep 1000000
                done > {{Connections}}/said
                touch {{Connections}}/ended
            ) > /dev/null 2>&1 &
            until grep -q 'answered: 200' {{Connections}}/said; do usleep 500000; done
            """);

        List<Use> uses = [];
        Stopwatch since = Stopwatch.StartNew();
        while (since.Elapsed < Duration)
        {
            await Task.Delay(TimeSpan.FromMinutes(1));
            uses.Add(await ReadAsync(guest));
            output.WriteLine($"after {since.Elapsed.TotalMinutes:0} minutes: {uses[^1]}");
        }

        string said = await guest.Dom0Async(
            $$"""
            touch {{Connections}}/end
            until [ -e {{Connections}}/ended ]; do usleep 100000; done
            sort {{Connections}}/said | uniq -c | tr -s ' '
            rm -r {{Connections}}
            """);
        output.WriteLine($"answers of wrk: {await http.CountAsync()} over HTTP, {await https.CountAsync()} over HTTPS; others:\n{said}");
        (int Count, string What)[] answers =
            [.. said.Split('\n').Select(line => line.Trim().Split(' ', 2)).Select(words => (Whole(words[0]), words[1]))];
        string[] expected = ["Complete requests: 20", "Failed requests: 0", "HTTPS answered: 200"];
        Assert.Equal(expected, answers.Select(each => each.What).Where(what => !IsUnanswered(what)));

        // A machine that others use may take ten seconds for a handshake. Each request without an answer is one that Kestrel has ended so.
        int unanswered = answers.Where(each => IsUnanswered(each.What)).Sum(each => each.Count);
        int timedOut = Count(guest, HandshakeTimedOut);
        output.WriteLine($"handshakes that took too long: {timedOut}, others: {Count(guest, Established)}");
        Assert.True(unanswered <= timedOut, $"{unanswered} requests have no answer, and {timedOut} handshakes took too long");
        Assert.Equal(WrkLoad.NoneFailed, await http.EndAsync());
        Assert.Equal(WrkLoad.NoneFailed, await https.EndAsync());

        // The first minute is the start's: what is made once and kept.
        Use first = Extremes(uses.Skip(1).Take(Compared));
        Use last = Extremes(uses.TakeLast(Compared));
        output.WriteLine($"the first: {first}\nthe last: {last}");
        Assert.True(last.OutsideKiB <= first.OutsideKiB + Tolerance, $"there was {first} in use, and is {last}");
        Assert.True(last.HeapKiB <= first.HeapKiB + Tolerance, $"there was {first} in use, and is {last}");
        Assert.True(last.Grants <= first.Grants + FramesOnTheirWay, $"there was {first} in use, and is {last}");

        await guest.EndAsync();
    }

    /// <summary>The most of several reports.</summary>
    private static Use Extremes(IEnumerable<Use> uses) => uses.Aggregate((one, other) => new(
        Math.Max(one.OutsideKiB, other.OutsideKiB), Math.Max(one.HeapKiB, other.HeapKiB), Math.Max(one.Grants, other.Grants)));

    /// <summary>Asks the guest what it uses, by <c>xl sysrq</c>.</summary>
    private async Task<Use> ReadAsync(WebGuest guest)
    {
        string memory = await world.ReportAsync(guest.Guest, 'g');
        string connections = await world.ReportAsync(guest.Guest, 'e');
        return new(
            Number(memory, @"(\d+) KiB  all\s") - Number(memory, @"(\d+) KiB  free\s")
                - Number(memory, @"(\d+) KiB  collector: committed\s"),
            Number(memory, @"(\d+) KiB  collector: in use\s"),
            Number(connections, @"grants: (\d+);"));
    }

    private static bool IsUnanswered(string said) => said.StartsWith("HTTPS answered: 000", StringComparison.Ordinal);

    /// <summary>How often the guest has said this.</summary>
    private static int Count(WebGuest guest, string text) => guest.Guest.Console.Text.Split(text).Length - 1;

    private static long Number(string report, string pattern)
    {
        Match match = Regex.Match(report, pattern);
        Assert.True(match.Success, $"nothing is as {pattern}:\n{report}");
        return Whole(match.Groups[1].Value);
    }

    private static int Whole(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    /// <summary>What the guest uses.</summary>
    /// <param name="OutsideKiB">Memory that is neither free nor the collector's, which takes what it has use for up to its limit.</param>
    /// <param name="HeapKiB">What the program refers to.</param>
    /// <param name="Grants">Grants to other domains.</param>
    private sealed record Use(long OutsideKiB, long HeapKiB, long Grants);
}
