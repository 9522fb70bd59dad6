using System.Net;
using System.Net.Sockets;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

/// <summary>The network through which this machine reaches a guest.</summary>
public sealed class ForwardedNetworkTests
{
    [Theory]
    [InlineData("10.0.2.15/24", "10.0.2.0/24", "10.0.2.254", "10.0.2.253")]
    [InlineData("10.0.0.254/24", "10.0.0.0/24", "10.0.0.253", "10.0.0.252")]
    [InlineData("192.168.7.33/28", "192.168.7.32/28", "192.168.7.46", "192.168.7.45")]
    public void Its_own_members_have_addresses_that_the_guest_has_not(string guest, string net, string host, string dns)
    {
        ForwardedNetwork network = ForwardedNetwork.Parse(guest)!;

        string addresses = $"""
            "net":"{net}","host":"{host}","dns":"{dns}","dhcpstart":"{network.Guest}"
            """;
        string forwards = $$"""{"str":"tcp:127.0.0.1:81-{{network.Guest}}:80"},{"str":"tcp:127.0.0.1:82-{{network.Guest}}:443"}""";
        Assert.Equal(
            $$"""{"type":"user","id":"n","ipv6":false,{{addresses}},"hostfwd":[{{forwards}}]}""",
            network.ToNetdev("n", [new(81, 80), new(82, 443)]));
    }

    [Theory]
    [InlineData("fd00::2/64")]
    [InlineData("10.0.0.2")]
    [InlineData("10.0.0.2/30")]
    [InlineData("10.0.0.2/4")]
    [InlineData("10.0.0.2/24/1")]
    [InlineData("")]
    public void What_is_no_address_of_such_a_network_is_none(string text) => Assert.Null(ForwardedNetwork.Parse(text));

    [Fact]
    public void A_port_that_is_taken_on_this_machine_is_another_one_there_unless_it_was_named()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;

        PortForward forward = ForwardedPort.Parse($"{port}")!.OnHost();
        Assert.Equal(port, forward.GuestPort);
        Assert.NotEqual(port, forward.HostPort);
        Assert.Equal(new(port, 80), ForwardedPort.Parse($"{port}:80")!.OnHost());
    }

    [Fact]
    public async Task A_port_that_another_process_took_after_it_was_chosen_is_replaced_and_one_that_was_named_is_an_error()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        PortForward gone = new(((IPEndPoint)taken.LocalEndpoint).Port, 80);
        using TcpListener another = new(IPAddress.Loopback, 0);
        another.Start();
        PortForward free = new(((IPEndPoint)another.LocalEndpoint).Port, 80);
        another.Stop();
        DirectoryInfo directory = Directory.CreateTempSubdirectory("xenlet-");
        try
        {
            using UnixListener socket = new(Path.Combine(directory.FullName, "monitor"));
            string[] command =
            [
                QemuEmulator.Program, "-machine", "none", "-nodefaults", "-display", "none",
                "-chardev", $"socket,id=monitor,path={socket.Path}", "-mon", "chardev=monitor,mode=control",
            ];
            await using EmulatorProcess qemu = await EmulatorProcess.StartAsync(
                QemuEmulator.Program, QemuEmulator.Package, command, directory.FullName);
            await using QemuMonitor monitor = await QemuMonitor.OpenAsync(await socket.AcceptAsync(default), default);

            Queue<PortForward> chosen = new([gone, free]);
            IReadOnlyList<PortForward> ports = await ForwardedNetwork.Default.AddAsync(monitor, "n", () => [chosen.Dequeue()], default);
            QemuXenException refused = await Assert.ThrowsAsync<QemuXenException>(
                () => ForwardedNetwork.Default.AddAsync(monitor, "m", () => [gone], default));
            Queue<PortForward> others = new([free with { GuestPort = 443 }, free with { GuestPort = 444 }]);
            await Assert.ThrowsAsync<QemuXenException>(
                () => ForwardedNetwork.Default.AddAsync(monitor, "m", () => [gone, others.Dequeue()], default));

            Assert.Equal([free], ports);
            Assert.Contains($"tcp:127.0.0.1:{gone.HostPort}-10.0.2.15:80", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
