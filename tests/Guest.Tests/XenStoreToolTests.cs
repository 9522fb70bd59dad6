using System.Globalization;
using System.Text;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>samples/XenStoreTool as a guest, on its console, and the same tool for Linux in dom0.</summary>
[Collection(DevicesUnderXen.Name)]
public sealed class XenStoreToolTests(XenWorld world)
{
    private const string Prompt = "xenstore> ";

    [Fact]
    public async Task As_a_guest_it_takes_commands_from_its_console()
    {
        await using XenGuest guest = (XenGuest)await StartAsync("");
        string home = $"/local/domain/{guest.DomainId.ToString(CultureInfo.InvariantCulture)}";
        int position = await guest.WaitForTextAsync(Prompt, World.Limit);

        await TypeAsync("write data/here/a 'two words'");
        Assert.Equal("two words", (await Dom0Async($"xenstore-read {home}/data/here/a")).Trim());
        Assert.Equal("two words", await TypeAsync("read data/here/a"));
        Assert.Equal("data/here/a = \"two words\"", await TypeAsync("ls -f data/here"));
        Assert.StartsWith("xenstore: READ data/none: ENOENT", await TypeAsync("read data/none"), StringComparison.Ordinal);
        await TypeAsync("rm data/here");
        Assert.Equal("gone", (await Dom0Async($"xenstore-exists {home}/data/here || echo gone")).Trim());

        await SendAsync("watch -n 2 data/ping\r");
        position = await guest.WaitForTextAsync("\r\ndata/ping\r\n", World.Limit, position);
        await Dom0Async($"xenstore-write {home}/data/ping 1");
        position = await guest.WaitForTextAsync($"data/ping\r\n{Prompt}", World.Limit, position);

        await SendAsync("watch data/ping data/pong\r");
        position = await guest.WaitForTextAsync("\r\ndata/ping\r\n", World.Limit, position - 2);
        await guest.WaitForTextAsync("data/pong\r\n", World.Limit, position);
        await Dom0Async($"xenstore-write {home}/data/pong/below 1");
        position = await guest.WaitForTextAsync("data/pong/below\r\n", World.Limit, position);
        await SendAsync("\u0003");
        await guest.WaitForTextAsync(Prompt, World.Limit, position);

        // Between two commands the program has no connection to xenstore, and what serves the tool stack has one.
        await Dom0Async($"xl sysrq {guest.DomainId} e");
        await guest.WaitForTextAsync("xenlet: end of the report", World.Limit, position);

        await SendAsync("write data/last 1\r\u0004");
        (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);

        async Task SendAsync(string keys) => await guest.WriteConsoleAsync(Encoding.ASCII.GetBytes(keys));

        // What the command printed: between the echo of its line and the next prompt.
        async Task<string> TypeAsync(string line)
        {
            int start = position;
            await SendAsync(line + "\r");
            position = await guest.WaitForTextAsync("\n" + Prompt, World.Limit, start);
            string[] lines = guest.Console.Text[start..position].Replace("\r", "", StringComparison.Ordinal).Split('\n');
            Assert.Equal(line, lines[0]);
            return string.Join('\n', lines[1..^1]);
        }
    }

    [Theory]
    [InlineData("read name data/none", 1, "xenstore: READ data/none: ENOENT")]
    [InlineData("write data/x 'a value'", 0, null)]
    [InlineData("reed name", 2, "xenstore: 'reed' is no command")]
    public async Task As_a_guest_it_does_what_its_command_line_says(string commandLine, int status, string? error)
    {
        await using IGuest guest = await StartAsync(commandLine);
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(status);
        Assert.DoesNotContain(Prompt, ended.Console, StringComparison.Ordinal);
        Assert.True(error is null || ended.Lines.Any(line => line.StartsWith(error, StringComparison.Ordinal)), ended.Console);
        Assert.Equal(commandLine.StartsWith("read name", StringComparison.Ordinal), ended.Lines.Contains(guest.Name));
    }

    [Theory]
    [InlineData("/run/xenstored/socket")]
    [InlineData("/dev/xen/xenbus")]
    public async Task In_dom0_it_works_over_the_socket_and_the_device(string way)
    {
        string tool = await world.Machine.CopyProgramAsync(await Images.LinuxStoreTool);
        string ours = await Dom0Async($"""
            export XENSTORED_PATH={way}
            {tool} write /tool/test/a 'two words' && {tool} write /tool/test/b/c 1
            {tool} read /tool/test/a /tool/test/b/c
            {tool} ls -f /tool/test
            {tool} rm /tool/test/b
            """);
        Assert.Equal("two words\n1\n/tool/test/a = \"two words\"\n/tool/test/b = \"\"\n/tool/test/b/c = \"1\"\n", ours);
        Assert.Equal(await Dom0Async("xenstore-ls -f /tool"), await Dom0Async($"XENSTORED_PATH={way} {tool} ls -f /tool"));
        string told = await Dom0Async($"""
            mkfifo /tmp/told && XENSTORED_PATH={way} {tool} watch -n 2 /tool/test > /tmp/told &
            while ! [ -p /tmp/told ]; do usleep 10000; done
            exec 3< /tmp/told
            read first <&3; xenstore-write /tool/test/d 1; read second <&3; echo $first $second; rm /tmp/told; xenstore-rm /tool/test
            """);
        Assert.Equal("/tool/test /tool/test/d\n", told);
    }

    private async Task<IGuest> StartAsync(string commandLine) =>
        await world.StartAsync(new GuestConfig { Name = world.NewName(), Kernel = await Images.StoreTool, CommandLine = commandLine });

    private async Task<string> Dom0Async(string command) =>
        (await world.Machine.RunInDom0Async(command, World.Limit)).ThrowIfFailed(command).Output;
}
