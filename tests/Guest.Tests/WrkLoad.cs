using System.Globalization;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Debian's wrk in dom0, which asks a guest's service again and again over connections that stay open, each with a rest after an answer. It
/// ends when it is told to.
/// </summary>
internal sealed class WrkLoad
{
    /// <summary>Each connection is in a thread of its own, so that it has a letter in the file of answers.</summary>
    private const string Letters = "abcdefgh";

    private const string Script = $$"""
        local number = 0
        function setup(thread)
            number = number + 1
            thread:set("letter", string.sub("{{Letters}}", number, number))
        end
        function delay() return rest end
        function response() io.stderr:write(letter) end
        function done(summary)
            local of = summary.errors
            print(string.format("failed: connect %d, read %d, write %d, status %d", of.connect, of.read, of.write, of.status))
        end
        """;

    /// <summary>What <see cref="EndAsync"/> gives when no request has failed; one that is answered late has not.</summary>
    public const string NoneFailed = "failed: connect 0, read 0, write 0, status 0";

    private static int s_started;

    private readonly FollowedGuest _guest;
    private readonly int _connections;

    /// <summary>In dom0; each that runs beside others has a directory of its own.</summary>
    private readonly string _directory;

    private WrkLoad(FollowedGuest guest, int connections)
    {
        _guest = guest;
        _connections = connections;
        _directory = string.Create(CultureInfo.InvariantCulture, $"/tmp/wrk-{Interlocked.Increment(ref s_started)}");
    }

    /// <summary>In dom0: a letter for each answer, that of the connection by which it came.</summary>
    private string AnswersPath => $"{_directory}/answers";

    /// <summary>Starts it, and waits until every connection has had answers.</summary>
    /// <param name="world">Where.</param>
    /// <param name="guest">The guest.</param>
    /// <param name="address">What it asks for.</param>
    /// <param name="restMilliseconds">
    /// How long a connection rests after each answer. Beside a save or a migration a quarter of a second: otherwise it takes dom0's
    /// processor from the tools.
    /// </param>
    /// <param name="connections">How many, up to eight.</param>
    public static async Task<WrkLoad> StartAsync(
        XenWorld world, FollowedGuest guest, string address, int restMilliseconds = 250, int connections = 4)
    {
        await world.GiveProgramsAsync("wrk");
        WrkLoad started = new(guest, connections);

        // An answer later than the time-out is counted apart and is no failure; wrk takes 8 bytes for each microsecond of the time-out.
        await guest.Dom0Async(
            $"""
            mkdir {started._directory}
            cat > {started._directory}/script.lua <<'END'
            {string.Create(CultureInfo.InvariantCulture, $"rest = {restMilliseconds}")}
            {Script}
            END
            wrk -t {connections} -c {connections} -d 24h --timeout 2s -s {started._directory}/script.lua {address} \
                > {started._directory}/said 2> {started.AnswersPath} &
            echo $! > {started._directory}/id
            """);
        await started.GoesOnAsync();
        return started;
    }

    /// <summary>Waits until every connection has had three more answers: the request that was under way, and others.</summary>
    public Task GoesOnAsync() => _guest.Dom0Async(
        $$"""
        count() { tr -d -c $1 < {{AnswersPath}} | wc -c; }
        for letter in {{string.Join(' ', Letters[.._connections].ToCharArray())}}; do
            goal=$(($(count $letter) + 3))
            until [ $(count $letter) -ge $goal ]; do
                kill -0 $(cat {{_directory}}/id) || { cat {{_directory}}/said {{AnswersPath}}; exit 1; }
                usleep 200000
            done
        done
        """);

    /// <summary>The ports in dom0 of the connections that are open to a port of the guest.</summary>
    public Task<string> PortsAsync(int port) => _guest.Dom0Async(string.Create(
        CultureInfo.InvariantCulture, $"sed -n 's/.*:\\([0-9A-F]*\\) [0-9A-F]*:{port:X4} 01 .*/\\1/p' /proc/net/tcp | sort"));

    /// <summary>How many answers it has had.</summary>
    public async Task<long> CountAsync() => long.Parse(await _guest.Dom0Async($"wc -c < {AnswersPath}"), CultureInfo.InvariantCulture);

    /// <summary>Ends it, and gives what it says of requests that failed.</summary>
    public Task<string> EndAsync() => _guest.Dom0Async(
        $"""
        kill -INT $(cat {_directory}/id)
        while kill -0 $(cat {_directory}/id) 2> /dev/null; do usleep 100000; done
        grep '^failed:' {_directory}/said || cat {_directory}/said {AnswersPath}
        rm -r {_directory}
        """);
}
