using System.Text.RegularExpressions;

namespace Xenlet.Guest.Tests.Web;

/// <summary>Programs of Debian that ask a web service for much at once, or for everything.</summary>
public sealed partial class WebTests
{
    [Fact]
    public async Task Ab_h2load_and_sslscan_find_nothing_wrong()
    {
        WebGuest guest = await service.RunningAsync();
        await world.GiveProgramsAsync("ab", "h2load", "sslscan");

        string output = await guest.Dom0Async(
            $"""
            ab -q -k -s 600 -n 100 -c 4 {WebGuest.Http}/ 2>&1
            h2load -n 100 -c 2 -m 8 {WebGuest.Https}/hello/h2load 2>&1
            sslscan --no-colour --no-groups --no-ciphersuites --timeout=60 {WebGuest.Address}:8443 2>&1
            """);

        string[] lines = [.. output.Split('\n').Select(line => Blanks().Replace(line.Trim(), " "))];
        string[] expected =
        [
            "Complete requests: 100",
            "Failed requests: 0",
            "Keep-Alive requests: 100",
            "TLS Protocol: TLSv1.3",
            "Application protocol: h2",
            "requests: 100 total, 100 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout",
            "status codes: 100 2xx, 0 3xx, 0 4xx, 0 5xx",
            "SSLv2 disabled",
            "SSLv3 disabled",
            "TLSv1.0 disabled",
            "TLSv1.1 disabled",
            "TLSv1.2 enabled",
            "TLSv1.3 enabled",
            "Server supports TLS Fallback SCSV",
            "TLSv1.3 not vulnerable to heartbleed",
            "TLSv1.2 not vulnerable to heartbleed",
        ];
        string[] missing = [.. expected.Except(lines)];
        Assert.True(missing.Length == 0, $"ought to be said too:\n{string.Join('\n', missing)}\namong\n{output}");
        Assert.DoesNotContain(lines, line => line.StartsWith("Non-2xx", StringComparison.Ordinal));
    }

    [GeneratedRegex(" +")]
    private static partial Regex Blanks();
}
