namespace Xenlet.Guest.Tests;

/// <summary>Filter rules of a Xenlet that stands between dom0's bridge and Linux's front end.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class FilterTests(XenWorld world)
{
    [Fact]
    public async Task Rules_that_change_in_xenstore_refuse_and_accept_connections_and_those_that_are_open_go_on_or_end()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world, interfaces: 1, commandLine: "net-filter");
        await guest.SeesAsync("ready");
        FarNamespace far = await FarNamespace.StartAsync(world, guest, "00:16:3e:55:01:03", "10.99.31.3", "fd99:31::3");
        string output = await far.RunAsync(
            """
            rules() {
                xenstore-write $home/data/filter/rules "$2"
                until xenstore-read $home/data/filter/in-force 2> /dev/null | grep "^change $1:"; do usleep 300000; done
            }
            tells() {
                echo $1 >&3
                until grep -q $1 /tmp/wall-out; do usleep 50000; done
                echo "returned $1"
            }

            ip addr add 10.99.31.1/24 dev xenbr0
            far nc -ll -p 7000 -e cat > /dev/null 2>&1 &
            server=$!

            rules 1 'default reject'
            nc 10.99.31.3 7000 < /dev/null 2>&1 | grep -o 'Connection refused'
            rules 2 'accept tcp from outside to 10.99.31.3 port 7000; default reject'
            mkfifo /tmp/wall-in
            nc 10.99.31.3 7000 < /tmp/wall-in > /tmp/wall-out 2> /dev/null &
            client=$!
            exec 3> /tmp/wall-in
            tells one
            far ping -c 1 -W 1 10.99.31.1 > /dev/null || echo 'no ping'
            rules 3 'accept tcp to guests port 7000; accept icmp type 8 from guests; default reject'
            tells two
            far ping -c 1 -W 60 10.99.31.1 > /dev/null && echo ping
            xenstore-write $home/data/filter/rules 'accept tcp to port http'
            until xenstore-read $home/data/filter/error 2> /dev/null; do usleep 300000; done
            tells three
            rules 4 'accept icmp type 8 from guests; default reject'
            echo four >&3
            wait $client
            grep four /tmp/wall-out || echo ended
            nc 10.99.31.3 7000 < /dev/null 2>&1 | grep -o 'Connection refused'

            exec 3>&-
            kill $server
            ip addr del 10.99.31.1/24 dev xenbr0
            rm -f /tmp/wall-in /tmp/wall-out
            """);
        Assert.Equal(
            """
            change 1: 0 rules, default reject
            Connection refused
            change 2: 1 rule, default reject
            returned one
            no ping
            change 3: 2 rules, default reject
            returned two
            ping
            rules: line 1, column 20: expected a port, or ports like 8000-8080, found 'http'
            returned three
            change 4: 1 rule, default reject
            ended
            Connection refused
            """,
            output);
        await far.EndAsync();
        await guest.Guest.WriteConsoleAsync("end\n"u8.ToArray());
        (await EndedGuest.OfAsync(guest.Guest, World.Limit)).AssertExited(0);
    }
}
