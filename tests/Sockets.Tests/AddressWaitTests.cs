using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>What a guest without an address does not wait for, and what waits until it has one.</summary>
public sealed class AddressWaitTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly TestSocketHost _host = new();
    private readonly SocketStack _stack;

    public AddressWaitTests()
    {
        _stack = new SocketStack(_host, new()
        {
            // Longer than the patience of any test.
            AddressLimit = TimeSpan.FromHours(1),
            Addresses = AddressSettings.From(new Dictionary<string, string> { ["XENLET_IP"] = "10.0.0.1/24" }),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero },
        });
        _stack.Start();
    }

    public void Dispose() => _stack.Dispose();

    [Theory]
    [InlineData(SocketKind.Stream, "0.0.0.0")]
    [InlineData(SocketKind.Stream, "::")]
    [InlineData(SocketKind.Datagram, "0.0.0.0")]
    [InlineData(SocketKind.Datagram, "::")]
    public void A_bind_to_any_address_and_listen_wait_for_nothing(SocketKind kind, string any)
    {
        TestSocket socket = _host.Open(kind, isIPv6: any == "::");
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At(any, 7)));
        Assert.Equal(7, socket.Local.Port);
        Assert.Equal(kind == SocketKind.Stream ? SocketErrno.None : SocketErrno.EOPNOTSUPP, socket.Listen());
    }

    [Theory]
    [InlineData(SocketKind.Stream, SocketCall.Connect)]
    [InlineData(SocketKind.Datagram, SocketCall.FindRoute)]
    public async Task Without_a_setting_the_wait_for_an_address_ends_after_10_seconds_with_ENETUNREACH(SocketKind kind, SocketCall call)
    {
        TestSocketHost host = new();
        TestStackClock clock = new();
        using SocketStack stack = new(host, null, clock);
        stack.Start();
        TestSocket socket = host.Open(kind);
        Task<SocketErrno> waiting = Task.Run(() => socket.Call(call, TwoGuests.At("10.0.0.2", 80), 1));
        Assert.True(SpinWait.SpinUntil(() => socket.IsAsking, s_patience), $"no {call} was made");
        Answer();

        clock.Advance(TimeSpan.FromSeconds(10) - TimeSpan.FromTicks(1));
        Answer();
        Assert.False(waiting.IsCompleted, "the wait has ended before its time");

        clock.Advance(TimeSpan.FromTicks(1));
        stack.Wake();
        Assert.Equal(SocketErrno.ENETUNREACH, await waiting.WaitAsync(s_patience));

        // The stack has done whatever it had to do before when it has answered a later call; the second one's turn looks at timers first.
        void Answer()
        {
            for (int i = 0; i < 2; i++)
            {
                Assert.Equal(SocketErrno.None, host.Open(SocketKind.Datagram).Bind(TwoGuests.At("127.0.0.1")));
            }
        }
    }

    /// <summary>The peer is there, and listens: as soon as there is an address, the call succeeds.</summary>
    [Theory]
    [InlineData(SocketKind.Stream, SocketCall.Connect)]
    [InlineData(SocketKind.Datagram, SocketCall.Connect)]
    [InlineData(SocketKind.Datagram, SocketCall.FindRoute)]
    public async Task A_connect_and_a_send_wait_for_the_first_address(SocketKind kind, SocketCall call)
    {
        (MemoryLink near, MemoryLink far) = MemoryLink.MakePair();
        TestSocketHost peerHost = new();
        using SocketStack peer = new(peerHost, new()
        {
            Addresses = AddressSettings.From(new Dictionary<string, string> { ["XENLET_IP"] = "10.0.0.2/24" }),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero },
        });
        far.Wake = peer.Wake;
        near.Wake = _stack.Wake;
        peer.AddLink("vif0", far);
        peer.Start();
        TestSocket listener = peerHost.Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("0.0.0.0", 80)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        TestSocket socket = _host.Open(kind);
        Task<SocketErrno> waiting = Task.Run(() => socket.Call(call, TwoGuests.At("10.0.0.2", 80), 1));

        // The stack has seen the call when it has answered a later one.
        Assert.True(SpinWait.SpinUntil(() => socket.IsAsking, s_patience), $"no {call} was made");
        Assert.Equal(SocketErrno.None, _host.Open(SocketKind.Datagram).Bind(TwoGuests.At("127.0.0.1")));
        _stack.AddLink("vif0", near);
        Assert.Equal(SocketErrno.None, await waiting.WaitAsync(s_patience));
    }
}
