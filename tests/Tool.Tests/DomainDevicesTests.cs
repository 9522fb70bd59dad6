using Xenlet.Tool.Base;
using Xenlet.Tool.Devices;
using Xenlet.XenStoreRing;

namespace Xenlet.Tool.Tests;

/// <summary><c>tree</c> against Debian's xenstored.</summary>
public sealed class DomainDevicesTests : IAsyncLifetime
{
    private XenStoreDaemon _daemon = null!;
    private XenStoreClient _store = null!;

    public async Task InitializeAsync()
    {
        _daemon = await XenStoreDaemon.StartAsync();
        _store = await XenStoreClient.ConnectAsync(new XenStoreSocketTransport(_daemon.SocketPath));
        foreach ((string path, string value) in new[]
        {
            ("/local/domain/0/name", "Domain-0"),
            ("/local/domain/0/backend/vbd/12/51712/frontend", "/local/domain/12/device/vbd/51712"),
            ("/local/domain/0/backend/vbd/12/51712/frontend-id", "12"),
            ("/local/domain/0/backend/vbd/12/51712/state", "2"),
            ("/local/domain/0/backend/vbd/12/51712/params", "/dev/loop0"),
            ("/local/domain/0/backend/vbd/12/51712/mode", "w"),
            ("/local/domain/0/error/backend/vbd/12/51712/error", "2 no such file"),
            ("/local/domain/12/name", "guest"),
            ("/local/domain/12/device/vbd/51712/backend", "/local/domain/0/backend/vbd/12/51712"),
            ("/local/domain/12/device/vbd/51712/backend-id", "0"),
            ("/local/domain/12/device/vbd/51712/state", "4"),
            ("/local/domain/12/device/vif/0/state", "1"),
            ("/local/domain/12/error/device/vif/0/error", "22 bad\u001b[2J"),
            ("/local/domain/2/name", "other"),
        })
        {
            await _store.WriteAsync(path, value);
        }
    }

    public async Task DisposeAsync()
    {
        await _store.DisposeAsync();
        await _daemon.DisposeAsync();
    }

    [Theory]
    [InlineData("12")]
    [InlineData("guest")]
    public async Task A_domain_is_shown_by_number_or_name_with_both_ends_and_their_errors(string domain) => Assert.Equal(
        """
        domain 12 guest
          device
            vbd/51712  Connected  <-> InitWait at domain 0, /local/domain/0/backend/vbd/12/51712
              params /dev/loop0, mode w
            vif/0  Initialising  (nothing says where its other end is)
              error: 22 bad\x1b[2J
          backend

        """,
        await new DomainDevices(_store).FormatAsync(domain));

    [Fact]
    public async Task Without_a_name_all_domains_are_shown_with_their_back_ends()
    {
        string text = await new DomainDevices(_store).FormatAsync(null);

        Assert.StartsWith(
            """
            domain 0 Domain-0
              device
              backend
                vbd/12/51712  InitWait  <-> Connected at domain 12, /local/domain/12/device/vbd/51712
                  error: 2 no such file
            domain 2 other
              device
              backend
            domain 12 guest

            """,
            text,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_that_is_not_there_is_named_with_those_that_are()
    {
        ToolException failure = await Assert.ThrowsAsync<ToolException>(() => new DomainDevices(_store).FormatAsync("none"));

        Assert.Equal("tree: there is no domain 'none' in xenstore; there are 0 Domain-0, 2 other, 12 guest", failure.Message);
    }

    [Fact]
    public async Task The_command_takes_the_socket_that_the_environment_names()
    {
        Dictionary<string, string> environment = new() { ["XENSTORED_PATH"] = _daemon.SocketPath };

        ToolProcess shown = await ToolProcess.RunAsync(["tree", "other"], environment: environment);
        environment["XENSTORED_PATH"] = "/no/such/socket";
        ToolProcess failed = await ToolProcess.RunAsync(["tree"], environment: environment);

        Assert.Equal(new ToolProcess(0, "domain 2 other\n  device\n  backend\n", ""), shown);
        Assert.Equal((1, ""), (failed.Status, failed.Output));
        Assert.StartsWith("xenlet: tree: connecting to /no/such/socket failed: ", failed.Errors, StringComparison.Ordinal);
        Assert.Single(failed.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
