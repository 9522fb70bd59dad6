using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest with TLS is saved and migrated under load, and two guests go on from the one image.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class TlsLifeTests(XenWorld world)
{
    /// <summary>
    /// What the guest draws by .NET's generator and, for keys, by OpenSSL: the first that it does after a restore, once it is reached.
    /// </summary>
    private const string Draw =
        $"until wget -q -O drawn http://{TlsGuest.Address}:8080/random 2> /dev/null; do usleep 300000; done; cat drawn";

    /// <summary>Numbers and keys of one request.</summary>
    private const int Drawn = 64 + 8;

    [Fact]
    public async Task Connections_under_load_stay_open_and_sessions_stay_good_and_no_two_guests_of_one_image_draw_the_same()
    {
        await using TlsGuest guest = await TlsGuest.StartAsync(world);
        string file = XenMachine.SavePath(guest.Guest.Name);
        await guest.SayAsync(
            $"""
            ask 8443 -sess_out session
            mkfifo input
            openssl s_client -connect {TlsGuest.Address}:8443 -CAfile authority.pem -verify_return_error -quiet < input > output 2>&1 &
            echo $! > client
            sleep 100000 < /dev/null > input 2> /dev/null &
            echo $! > keeper
            """);
        Assert.Equal("1", await RequestAsync(guest, 1));
        WrkLoad load = await WrkLoad.StartAsync(world, guest, $"https://{TlsGuest.Address}:8443/");
        string ports = await load.PortsAsync(8443);
        Assert.Equal(5, ports.Split('\n').Length);

        // The generator renews its key by itself in the first request after a minute: that is to happen here, and not after the restore.
        await DrawAsync(guest);
        await guest.Guest.SaveAsync(file, World.Limit);

        await guest.GoOnAsAsync(await world.Machine.RestoreGuestAsync(guest.Guest.Name, file));
        string[] first = await DrawAsync(guest);
        Assert.Equal("2", await RequestAsync(guest, 2));
        Assert.Equal("Reused", await guest.SayAsync("ask 8443 -sess_in session > /dev/null; grep -o -E '^(New|Reused)' said"));
        await load.GoesOnAsync();
        await guest.GoOnAsAsync(await guest.Guest.MigrateAsync());
        await load.GoesOnAsync();
        Assert.Equal("3", await RequestAsync(guest, 3));
        string after = await load.PortsAsync(8443);
        Assert.Equal(WrkLoad.NoneFailed, await load.EndAsync());
        Assert.Equal(ports, after);
        await guest.SayAsync("kill $(cat client keeper)");
        await guest.Guest.DestroyAsync();

        await guest.GoOnAsAsync(await world.Machine.RestoreGuestAsync(guest.Guest.Name, file));
        string[] second = await DrawAsync(guest);
        string[] both = [.. first.Intersect(second)];
        Assert.True(both.Length == 0, $"two guests of one image drew {both.Length} equal numbers and keys:\n{string.Join('\n', both)}");
        await guest.Dom0Async($"rm {file}");
        await guest.EndAsync();
    }

    private static async Task<string[]> DrawAsync(TlsGuest guest)
    {
        string[] drawn = (await guest.SayAsync(Draw)).Split(' ');
        Assert.Equal(Drawn, drawn.Distinct().Count());
        return drawn;
    }

    /// <summary>Sends a request on the one connection, and waits for as many answers.</summary>
    private static Task<string> RequestAsync(TlsGuest guest, int answers) => guest.SayAsync(
        $"""
        printf 'GET / HTTP/1.1\r\nHost: guest.test\r\n\r\n' > input
        until [ "$(grep -c '^HTTP/1.1 Tls13' output)" -ge {answers} ] || ! kill -0 $(cat client); do usleep 100000; done
        grep -c '^HTTP/1.1 Tls13' output || cat output
        """);
}
