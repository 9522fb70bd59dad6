using System.Net.Sockets;
using System.Text;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

public sealed class ProtocolTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private readonly string _share = Directory.CreateTempSubdirectory("agent-test-").FullName;

    public ProtocolTests()
    {
        Directory.CreateDirectory(Path.Combine(_share, "command"));
        Directory.CreateDirectory(Path.Combine(_share, "domains"));
    }

    public void Dispose() => Directory.Delete(_share, recursive: true);

    [Theory]
    [InlineData("ready", "Ready 0 0 ''")]
    [InlineData("done 12 3", "Done 12 3 ''")]
    [InlineData("domains 7", "Domains 7 0 ''")]
    [InlineData("event introduceDomain", "Introduced 0 0 ''")]
    [InlineData("event releaseDomain", "Released 0 0 ''")]
    [InlineData("event other", null)]
    [InlineData("unmounted", "Unmounted 0 0 ''")]
    [InlineData("failed cannot mount xenfs", "Failed 0 0 'cannot mount xenfs'")]
    [InlineData("", null)]
    [InlineData("ready now", null)]
    [InlineData("done 12", null)]
    [InlineData("done x 3", null)]
    [InlineData("done -1 3", null)]
    [InlineData("done 1 3 4", null)]
    [InlineData("domains 99999999999999", null)]
    [InlineData("[    5.7] reboot: Power down", null)]
    public void A_line_of_the_agent_is_read_or_refused(string line, string? expected)
    {
        AgentMessage? message = AgentMessage.Parse(line);

        Assert.Equal(expected, message is null ? null : $"{message.Kind} {message.Number} {message.Status} '{message.Text}'");
    }

    [Fact]
    public async Task A_command_goes_out_as_a_file_and_comes_back_with_its_outputs()
    {
        (AgentChannel channel, Stream agent) = Connect();
        await using AgentChannel owned = channel;
        Task<CommandResult> run = channel.RunAsync("echo hi", Limit, CancellationToken.None);

        Assert.Equal("run 1", await ReadLineAsync(agent));
        Assert.Equal("cd /\necho hi", File.ReadAllText(Path.Combine(_share, "command/1.sh")));
        Assert.Equal("", File.ReadAllText(Path.Combine(_share, "command/1.err")));
        File.WriteAllText(Path.Combine(_share, "command/1.out"), "hi\n");
        await agent.WriteAsync("done 1 4\n"u8.ToArray());

        Assert.Equal(new CommandResult(4, "hi\n", ""), await run);
        Assert.Empty(Directory.GetFiles(Path.Combine(_share, "command")));
    }

    [Fact]
    public async Task A_command_that_does_not_end_in_time_is_killed_and_what_it_wrote_is_shown()
    {
        (AgentChannel channel, Stream agent) = Connect();
        await using AgentChannel owned = channel;
        File.WriteAllText(Path.Combine(_share, "command/1.out"), "begun\n");

        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(
            () => channel.RunAsync("sleep 1000\necho second line", TimeSpan.FromMilliseconds(50), CancellationToken.None));

        Assert.Contains("within 0.1 s: sleep 1000\nIt wrote so far: begun", error.Message, StringComparison.Ordinal);
        Assert.IsType<TimeoutException>(error.InnerException);
        Assert.Equal("run 1", await ReadLineAsync(agent));
        Assert.Equal("kill 1", await ReadLineAsync(agent));
        Assert.Empty(Directory.GetFiles(Path.Combine(_share, "command")));
    }

    [Fact]
    public async Task A_list_that_cannot_be_read_ends_the_line_and_leaves_no_command_waiting()
    {
        DomainList domains = new(() => { });
        domains.Follow(new ListsEnd(_ => throw new FormatException("not a list")), domains.Releases);
        (AgentChannel channel, Stream agent) = Connect(domains);
        Task<CommandResult> run = channel.RunAsync("x", Limit, CancellationToken.None);
        Assert.Equal("run 1", await ReadLineAsync(agent));
        File.WriteAllText(Path.Combine(_share, "domains/3"), DomainList);

        await agent.WriteAsync("domains 3\n"u8.ToArray());

        await Assert.ThrowsAsync<QemuXenException>(() => run.WaitAsync(Limit));
        await Assert.ThrowsAsync<FormatException>(() => channel.DisposeAsync().AsTask());
    }

    [Fact]
    public async Task Garbage_broken_lines_and_lines_without_end_do_no_harm()
    {
        (AgentChannel channel, Stream agent) = Connect();
        await using AgentChannel owned = channel;
        Task<CommandResult> run = channel.RunAsync("x", Limit, CancellationToken.None);
        Assert.Equal("run 1", await ReadLineAsync(agent));

        await agent.WriteAsync(new byte[] { 0xFF, 0x00, 0x1B, (byte)'\n' });
        await agent.WriteAsync(Enumerable.Repeat((byte)'z', 50_000).ToArray());
        await agent.WriteAsync("\ndone 77 0\ndomains 55\nrea"u8.ToArray());
        await agent.WriteAsync("dy\ndo"u8.ToArray());
        await agent.WriteAsync("ne 1 0\n"u8.ToArray());

        await channel.Ready.WaitAsync(Limit);
        Assert.Equal(0, (await run).ExitCode);
        Assert.Contains("zzz", channel.Noise.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_line_breaks_every_command_fails_and_so_does_a_new_one()
    {
        (AgentChannel channel, Stream agent) = Connect();
        await using AgentChannel owned = channel;
        Task<CommandResult> running = channel.RunAsync("sleep 1000", Limit, CancellationToken.None);
        await ReadLineAsync(agent);

        await agent.DisposeAsync();

        Assert.Contains(
            "QEMU or dom0 is gone", (await Assert.ThrowsAsync<QemuXenException>(() => running)).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<QemuXenException>(() => channel.Ready);
        await Assert.ThrowsAsync<QemuXenException>(() => channel.RunAsync("true", Limit, CancellationToken.None));
    }

    [Fact]
    public async Task What_keeps_dom0_from_starting_is_passed_on()
    {
        (AgentChannel channel, Stream agent) = Connect();
        await using AgentChannel owned = channel;

        await agent.WriteAsync("failed xenstored did not start\n"u8.ToArray());

        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(() => channel.Ready.WaitAsync(Limit));
        Assert.Contains("xenstored did not start", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_is_requested_when_a_domain_ended_that_somebody_follows()
    {
        AgentChannel? channel = null;
        DomainList domains = new(() => _ = channel!.ListAsync());
        (channel, Stream agent) = Connect(domains);
        await using AgentChannel owned = channel;
        domains.Follow(new ListsEnd(_ => { }), domains.Releases);

        await agent.WriteAsync("event introduceDomain\nevent releaseDomain\n"u8.ToArray());

        Assert.Equal("list 1", await ReadLineAsync(agent));
    }

    [Fact]
    public async Task A_list_of_domains_is_read_from_its_file()
    {
        TaskCompletionSource<IReadOnlyList<DomainState>> lists = new();
        DomainList domains = new(() => { });
        domains.Follow(new ListsEnd(lists.SetResult), domains.Releases);
        (AgentChannel channel, Stream agent) = Connect(domains);
        await using AgentChannel owned = channel;
        File.WriteAllText(Path.Combine(_share, "domains/3"), DomainList);

        await agent.WriteAsync("domains 3\n"u8.ToArray());

        Assert.Equal(7, (await lists.Task.WaitAsync(Limit)).Count);
        Assert.False(File.Exists(Path.Combine(_share, "domains/3")));
    }

    private const string DomainList = """
        libxl: warning: something to say
        Name                                        ID   Mem VCPUs	State	Time(s)   UUID                            Reason-Code	Security Label
        Domain-0                                     0   400     1     r-----       6.4 00000000-0000-0000-0000-000000000000        -                -
        off                                          1     4     1     ---s--       0.1 0b1f62b8-6bd5-4c2e-a3f4-111111111111        0                -
        crash                                       12     4     1     ---sc-       0.1 0b1f62b8-6bd5-4c2e-a3f4-222222222222        3                -
        held                                        13     4     2     --p---       0.0 0b1f62b8-6bd5-4c2e-a3f4-333333333333        -                -
        asleep                                      14     4     2     ---ss-      10.0 0b1f62b8-6bd5-4c2e-a3f4-444444444444        2                -
        watchdog                                    16     4     1     ---sw-       0.0 0b1f62b8-6bd5-4c2e-a3f4-666666666666        4                -
        dying                                       15     0     1     --psrd       0.0 0b1f62b8-6bd5-4c2e-a3f4-555555555555        1                -
        """;

    [Fact]
    public void The_domains_states_and_shutdown_reasons_are_read()
    {
        Assert.Equal(
            [
                new DomainState("Domain-0", 0, false, false, null),
                new DomainState("off", 1, false, false, GuestEndReason.PowerOff),
                new DomainState("crash", 12, false, false, GuestEndReason.Crash),
                new DomainState("held", 13, true, false, null),
                new DomainState("asleep", 14, false, false, GuestEndReason.Suspend),
                new DomainState("watchdog", 16, false, false, GuestEndReason.Watchdog),
                new DomainState("dying", 15, true, true, GuestEndReason.Reboot),
            ],
            DomainState.ParseList(DomainList));
    }

    [Theory]
    [InlineData("hello\nxenlet: exit 7\n", 7)]
    [InlineData("hello\r\nxenlet: exit 0\r\n", 0)]
    [InlineData("xenlet: exit -1", -1)]
    [InlineData("xenlet: exit 255\n\n", 255)]
    [InlineData("xenlet: exit 7\nmore\n", null)]
    [InlineData("he said xenlet: exit 7\n", null)]
    [InlineData("xenlet: exit\n", null)]
    [InlineData("xenlet: exit seven\n", null)]
    [InlineData("", null)]
    public void The_exit_status_is_that_of_the_last_line(string console, int? status) =>
        Assert.Equal(status, GuestEnd.ParseExitStatus(console));

    [Theory]
    [InlineData("(d4) hello", 4, "hello")]
    [InlineData("(d14) hello", 4, null)]
    [InlineData("(XEN) [2026-01-01 00:00:00] (d4) hello", 4, "hello")]
    [InlineData("(d4) ", 4, "")]
    [InlineData("(XEN) HVM d4 save: PIT", 4, null)]
    public void A_guests_line_is_told_from_others_in_xens_log(string line, int domain, string? expected) =>
        Assert.Equal(expected, XenGuest.ParseHypervisorLine(line, domain));

    [Theory]
    [InlineData("""{"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-shutdown"}}""", GuestEndReason.PowerOff)]
    [InlineData("""{"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-reset"}}""", GuestEndReason.Crash)]
    [InlineData("""{"event":"SHUTDOWN","data":{"guest":false,"reason":"host-signal"}}""", GuestEndReason.Destroyed)]
    [InlineData("""{"QMP":{}}""", GuestEndReason.Destroyed)]
    public void Qemus_reason_for_stopping_is_read(string messages, GuestEndReason reason) =>
        Assert.Equal(reason, DirectBoot.ReadReason("{\"QMP\":{}}\n" + messages + "\n"));

    [Theory]
    [InlineData(GuestEndReason.PowerOff, 0, 0)]
    [InlineData(GuestEndReason.PowerOff, 7, 7)]
    [InlineData(GuestEndReason.PowerOff, null, GuestRunner.NoStatus)]
    [InlineData(GuestEndReason.Crash, null, GuestRunner.Crashed)]
    [InlineData(GuestEndReason.Crash, 0, GuestRunner.Crashed)]
    [InlineData(GuestEndReason.Reboot, null, GuestRunner.Crashed)]
    [InlineData(GuestEndReason.Destroyed, null, GuestRunner.Destroyed)]
    public void A_run_succeeds_only_with_a_power_off_and_a_status(GuestEndReason reason, int? status, int expected) =>
        Assert.Equal(expected, GuestRunner.StatusOf(new(reason, status)));

    private (AgentChannel Channel, Stream Agent) Connect(DomainList? domains = null)
    {
        string path = Path.Combine(_share, $"s{Guid.NewGuid():N}"[..10]);
        using UnixListener listener = new(path);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        Stream accepted = listener.AcceptAsync(CancellationToken.None).GetAwaiter().GetResult();
        return (new(accepted, _share, domains ?? new(() => { })), new NetworkStream(socket, ownsSocket: true));
    }

    private static async Task<string> ReadLineAsync(Stream stream)
    {
        StringBuilder line = new();
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one).AsTask().WaitAsync(Limit) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString();
    }

    [Theory]
    [InlineData(60_000, 10, 600_000)]
    [InlineData(Timeout.Infinite, 10, Timeout.Infinite)]
    [InlineData(4_294_967_000, 10, 4_294_967_294)]
    public void A_limit_is_longer_on_a_slow_machine_but_never_longer_than_timers_take(long limit, double factor, long expected) =>
        Assert.Equal(TimeSpan.FromMilliseconds(expected), Limits.Scale(TimeSpan.FromMilliseconds(limit), factor));

    /// <summary>Where lists end up that are not empty.</summary>
    private sealed class ListsEnd(Action<IReadOnlyList<DomainState>> listed) : IFollowedDomain
    {
        public int DomainId => 1;

        public bool IsOver => false;

        public void Update(IReadOnlyList<DomainState> domains, bool mayBeOlder)
        {
            if (domains.Count > 0)
            {
                listed(domains);
            }
        }

        public Task AbandonAsync() => Task.CompletedTask;
    }
}
