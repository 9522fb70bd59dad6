using Xenlet.Kernel.Sockets;
using Xenlet.Net;

namespace Xenlet.Sockets.Tests;

/// <summary>Where an interface's addresses come from: settings, or else the link's configuration, or else the network.</summary>
public sealed class AddressSourceTests : IDisposable
{
    private readonly TestSocketHost _host = new();
    private readonly MemoryLink _link = MemoryLink.MakePair().First;
    private readonly TestStackClock _clock = new();
    private SocketStack? _stack;

    public void Dispose() => _stack?.Dispose();

    /// <summary>What the settings and the link's configuration say, an address that can be bound then, and one that cannot.</summary>
    [Theory]
    [InlineData("10.0.0.1/24", "10.0.0.9", "10.0.0.1", "10.0.0.9")]
    [InlineData("fd00::1/64", "10.0.0.9", "10.0.0.9", "10.0.0.1")]
    [InlineData("", "10.0.0.9 fd00::9/64", "fd00::9", "fd00::1")]
    [InlineData("10.0.0.1", "fd00::9/64 10.0.0.9", "fd00::9", "10.0.0.9")]
    public void The_settings_come_before_the_links_configuration_in_each_family(string set, string given, string taken, string left)
    {
        Start(set, given);
        Assert.Equal(SocketErrno.None, Bind(taken, untilItIsThere: true));
        Assert.Equal(SocketErrno.EADDRNOTAVAIL, Bind(left, untilItIsThere: false));
    }

    /// <summary>As vif-route means it: whoever is asked for any address answers that has a route to it.</summary>
    [Theory]
    [InlineData("10.0.0.9", "192.0.2.1", true)]
    [InlineData("10.0.0.9/24", "192.0.2.1", false)]
    [InlineData("10.0.0.9/24", "10.0.0.77", true)]
    public async Task An_address_alone_has_all_others_for_neighbours(string given, string remote, bool isAsked)
    {
        Start("", given);
        TestSocket socket = _host.Open(SocketKind.Datagram);
        Task<SocketErrno> connecting = Task.Run(() => socket.Connect(TwoGuests.At(remote, 9)));
        Assert.Equal(isAsked ? SocketErrno.None : SocketErrno.ENETUNREACH, await connecting.WaitAsync(TimeSpan.FromMinutes(3)));
    }

    [Theory]
    [InlineData("fd00::9/64", true)]
    [InlineData("fd00::9/64 10.0.0.9", false)]
    public void A_DHCP_server_is_asked_where_nobody_gives_an_address_of_IPv4(string given, bool isAsked)
    {
        int asked = 0;
        _link.Sent = frame =>
        {
            // IPv4, UDP.
            if (frame[12] == 8 && frame[13] == 0 && frame[23] == 17)
            {
                Interlocked.Increment(ref asked);
            }
        };
        Start("", given);
        Assert.Equal(SocketErrno.None, Bind("fd00::9", untilItIsThere: true));

        // A client waits for 100 ms at most before it asks. The second call's turn is a later one than that which looked at the timers.
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        _stack!.Wake();
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(SocketErrno.None, Bind("127.0.0.1", untilItIsThere: false));
        }

        Assert.Equal(isAsked, Volatile.Read(ref asked) > 0);
    }

    private void Start(string set, string given)
    {
        SocketStackOptions options = new()
        {
            Addresses = AddressSettings.From(new Dictionary<string, string> { ["XENLET_IP"] = set }),
            AddressLimit = TimeSpan.FromSeconds(5),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero },
        };
        _stack = new SocketStack(_host, options, _clock);
        _link.Wake = _stack.Wake;
        AddressAssignment[] addresses =
        [
            .. given.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(text => AddressAssignment.TryParse(text, out AddressAssignment one) ? one : throw new FormatException(text)),
        ];
        _stack.AddLink("vif0", _link, addresses);
        _stack.Start();
    }

    /// <summary>Binds an address, again and again until it is there if it is to come.</summary>
    private SocketErrno Bind(string address, bool untilItIsThere)
    {
        while (true)
        {
            TestSocket socket = _host.Open(SocketKind.Stream, isIPv6: address.Contains(':', StringComparison.Ordinal));
            SocketErrno result = socket.Bind(TwoGuests.At(address));
            if (!untilItIsThere || result != SocketErrno.EADDRNOTAVAIL)
            {
                return result;
            }

            Thread.Sleep(1);
        }
    }
}
