using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>tests/GuestTls, Kestrel with HTTPS, and dom0 with curl and openssl of this machine.</summary>
internal sealed class TlsGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    /// <summary>Where dom0 has the certificates of tests/Certificates.</summary>
    public const string Certificates = "/tmp/tls";

    private const string Network = "10.99.5";

    /// <summary>The guest's address.</summary>
    public const string Address = $"{Network}.2";

    /// <summary>dom0's address.</summary>
    public const string Dom0Address = $"{Network}.1";

    /// <summary>
    /// Words of dom0: <c>ask PORT OPTION...</c> is a request over openssl s_client, which says the answer, or why there was none;
    /// <c>fetch PORT PATH OPTION...</c> is one of curl.
    /// </summary>
    private const string Words = $$"""
        cd {{Certificates}}
        ask() {
            port=$1
            shift
            printf 'GET / HTTP/1.1\r\nHost: guest.test\r\nConnection: close\r\n\r\n' \
                | openssl s_client -connect {{Address}}:$port -CAfile authority.pem -verify_return_error -ign_eof "$@" > said 2>&1
            grep '^HTTP/1.1 Tls' said || echo "refused: $(grep -o -E 'alert [a-z ]+|verify error:.*|unexpected eof' said | head -n 1)"
        }
        fetch() {
            port=$1
            path=$2
            shift 2
            curl -sS --cacert authority.pem --connect-to ::{{Address}}: "$@" https://guest.test:$port$path 2>&1
        }
        """;

    /// <summary>Starts it, and waits until it serves.</summary>
    /// <param name="world">Where.</param>
    public static async Task<TlsGuest> StartAsync(XenWorld world)
    {
        await world.GiveProgramsAsync("curl", "openssl");
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Tls,
            MemoryMiB = 48,
            CommandLine = $"XENLET_IP={Address}/24",
            Vifs = [""],
        });
        TlsGuest started = new(world, guest);
        await started.SeesAsync("tls: ready");
        string copies = string.Join('\n', Directory.GetFiles(Path.Combine(PublishedImages.RepositoryRoot, "tests/Certificates"))
            .Select(file => $"cp {world.Machine.Share(file)} {Certificates}/{Path.GetFileName(file)}"));
        await started.Dom0Async(
            $"""
            mkdir -p {Certificates}
            {copies}
            ip addr add {Dom0Address}/24 dev xenbr0
            until ping -c 1 -W 1 {Address} > /dev/null; do usleep 50000; done
            """);
        return started;
    }

    /// <summary>Runs a script of <see cref="Words"/> in dom0, whatever its status, and gives what it writes.</summary>
    /// <param name="script">The script.</param>
    public Task<string> SayAsync(string script) => Dom0Async($"{Words}\n{script}\ntrue");

    /// <summary>Ends the guest, which must have nothing to complain of.</summary>
    public async Task EndAsync()
    {
        await Dom0Async($"ip addr del {Dom0Address}/24 dev xenbr0; rm -r {Certificates}");
        await Guest.ShutdownAsync();
        (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
    }
}
