namespace Xenlet.Guest.Tests;

/// <summary>Filter rules, and a limit, of a Xenlet that stands between dom0's bridge and Linux's front end.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class FilterTests(XenWorld world)
{
    [Fact]
    public async Task Rules_that_change_in_xenstore_refuse_and_accept_connections_and_those_that_are_open_go_on_or_end()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world, interfaces: 1, commandLine: "net-filter");
        await guest.SeesAsync("ready");
        FarNamespace far = await FarNamespace.StartAsync(world, guest, "00:16:3e:55:01:03", "10.99.31.3", "fd99:31::3", isHeld: true);
        string output = await far.RunAsync(
            """
            rules() {
                xenstore-write $home/data/filter/rules "$2"
                until xenstore-read $home/data/filter/in-force 2> /dev/null | grep "^change $1:"; do usleep 300000; done
            }
            refuses() { nc $1 7000 < /dev/null 2>&1 | grep -o 'Connection refused'; }
            connects() {
                mkfifo /tmp/wall-in$1
                nc $2 7000 < /tmp/wall-in$1 > /tmp/wall-out$1 2> /dev/null &
            }
            tells() {
                echo $2 >&$1
                until grep -q $2 /tmp/wall-out$1; do usleep 50000; done
                echo "$1 returned $2"
            }
            ends() {
                echo four >&$1
                wait $2
                grep four /tmp/wall-out$1 || echo "$1 ended"
            }

            echo 0 > /proc/sys/net/ipv6/conf/xenbr0/accept_dad
            ip addr add 10.99.31.1/24 dev xenbr0
            ip -6 addr add fd99:31::1/64 dev xenbr0
            far nc -ll -p 7000 -e cat > /dev/null 2>&1 &
            server=$!

            rules 1 'default reject'
            refuses 10.99.31.3
            refuses fd99:31::3
            rules 2 'accept tcp from outside to 10.99.31.3 port 7000; default reject'
            connects 4 10.99.31.3
            client4=$!
            exec 4> /tmp/wall-in4
            tells 4 one
            refuses fd99:31::3
            far ping -c 1 -W 1 10.99.31.1 > /dev/null || echo 'no ping'
            rules 3 'accept tcp to guests port 7000; accept icmp type 8 from guests; accept icmpv6 type 128 from guests; default reject'
            connects 6 fd99:31::3
            client6=$!
            exec 6> /tmp/wall-in6
            tells 4 two
            tells 6 two
            far ping -c 1 -W 60 10.99.31.1 > /dev/null && echo ping
            far ping6 -c 1 -W 60 fd99:31::1 > /dev/null && echo ping6
            xenstore-write $home/data/filter/rules 'accept tcp to port http'
            until xenstore-read $home/data/filter/error 2> /dev/null; do usleep 300000; done
            tells 4 three
            tells 6 three
            rules 4 'accept icmp type 8 from guests; accept icmpv6 type 128 from guests; default reject'
            ends 4 $client4
            ends 6 $client6
            refuses 10.99.31.3
            refuses fd99:31::3

            # Pings would pass by the rules, and neighbours' messages pass without. Who forwards says under its own address that it has
            # that of the routers, fd99:31:: (RFC 4291). dom0 asks three times, for a second each, who has it.
            far ip addr add 10.99.31.77/24 dev $name
            far ip -6 addr add fd99:31::77/64 dev $name
            far ping -c 1 -W 1 -I 10.99.31.77 10.99.31.1 > /dev/null || echo 'no ping under a wrong address'
            far ping6 -c 1 -W 1 -I fd99:31::77 fd99:31::1 > /dev/null || echo 'no ping6 under a wrong address'
            far sh -c "echo 1 > /proc/sys/net/ipv6/conf/$name/forwarding"
            ping6 -c 1 -W 5 fd99:31:: > /dev/null || echo 'no answer'
            for each in fd99:31::3 fd99:31::; do ip -6 neigh show | grep "^$each " | grep -c lladdr; done

            # Of 480,000 bytes at once, the switch lets 200,000 pass, and 1,000 a second. On a slow machine more is due.
            passed=/sys/class/net/vif$id.0/statistics/rx_bytes
            read -r began rest < /proc/uptime
            read -r before < $passed
            for i in $(seq 8); do far ping -c 1 -W 1 -s 60000 10.99.31.1 > /dev/null & pings="$pings $!"; done
            wait $pings
            until read -r after < $passed; [ $((after - before)) -ge 100000 ]; do usleep 100000; done
            read -r ended rest < /proc/uptime
            most=$((200000 + 1000 * (${ended%.*} - ${began%.*} + 1) + 5000))
            [ $((after - before)) -le $most ] && echo limited || echo $((after - before)) of $most

            exec 4>&- 6>&-
            kill $server
            ip addr del 10.99.31.1/24 dev xenbr0
            ip -6 addr del fd99:31::1/64 dev xenbr0
            rm -f /tmp/wall-*
            """);
        Assert.Equal(
            """
            change 1: 0 rules, default reject
            Connection refused
            Connection refused
            change 2: 1 rule, default reject
            4 returned one
            Connection refused
            no ping
            change 3: 3 rules, default reject
            4 returned two
            6 returned two
            ping
            ping6
            rules: line 1, column 20: expected a port, or ports like 8000-8080, found 'http'
            4 returned three
            6 returned three
            change 4: 2 rules, default reject
            4 ended
            6 ended
            Connection refused
            Connection refused
            no ping under a wrong address
            no ping6 under a wrong address
            no answer
            1
            0
            limited
            """,
            output);
        await far.EndAsync();
        await guest.Guest.WriteConsoleAsync("end\n"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(guest.Guest, World.Limit)).AssertExited(0);
        Assert.Matches("switch: .* [5-9] under a wrong address, [1-9][0-9]{2} beyond a limit", ended.Console);
    }
}
