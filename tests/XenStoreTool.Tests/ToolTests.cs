using System.Text;

namespace Xenlet.XenStoreTool.Tests;

/// <summary>The tool against Debian's xenstored, beside Debian's own tools.</summary>
public sealed class ToolTests : IAsyncLifetime
{
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Theory]
    [InlineData("ls", "-f")]
    [InlineData("ls", "-f", "/a")]
    [InlineData("ls", "/a")]
    [InlineData("ls", "/a/empty")]
    [InlineData("read", "/a/text")]
    [InlineData("read", "/a/bytes", "/a/text", "/a/empty")]
    public async Task It_prints_what_Debians_tool_prints(string command, params string[] arguments)
    {
        using (RawStore store = _daemon.ConnectRaw())
        {
            Write(store, "/a/text", "two words"u8);
            Write(store, "/a/bytes", [0, 1, 7, 8, (byte)'\t', (byte)'\n', 11, (byte)'\r', 27, (byte)'"', (byte)'\\', (byte)'~', 127, 128,
                255]);
            Write(store, "/a/empty", []);
            Write(store, "/a/deep/er/est", "x"u8);
            Write(store, "/b", "ü"u8);
        }

        string expected = await _daemon.RunToolAsync(command, arguments);
        Ended ended = await RunAsync([command, .. arguments]);
        Assert.Equal((0, expected, ""), (ended.Status, ended.Output, ended.Errors));
    }

    [Fact]
    public async Task A_long_value_is_never_cut()
    {
        string value = new('x', 2000);
        using (RawStore store = _daemon.ConnectRaw())
        {
            Write(store, "/a/long", Encoding.ASCII.GetBytes(value));
        }

        Assert.Equal($"long = \"{value}\"\n", (await RunAsync("ls", "/a")).Output);
        Assert.Equal(await _daemon.RunToolAsync("ls", "-f", "/a"), (await RunAsync("ls", "-f", "/a")).Output);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData(@"\t\n\r\\\x00\xfe\007")]
    [InlineData("üñ€")]
    [InlineData("-f")]
    public async Task What_it_writes_Debians_tool_would_have_written(string value)
    {
        Assert.Equal(new Ended(0, "", ""), await RunAsync("write", "/ours", value));
        await _daemon.RunToolAsync("write", "/theirs", "--", value);
        using RawStore store = _daemon.ConnectRaw();
        Assert.Equal(store.Expect(XsType.Read, "/theirs\0"), store.Expect(XsType.Read, "/ours\0"));
    }

    [Fact]
    public async Task It_removes_nodes()
    {
        using RawStore store = _daemon.ConnectRaw();
        Write(store, "/a/x/y", "1"u8);
        Write(store, "/a/z", "1"u8);
        Write(store, "/a/kept", "1"u8);
        Assert.Equal(new Ended(0, "", ""), await RunAsync("rm", "/a/x", "/a/z"));
        Assert.Equal("kept", store.Expect(XsType.Directory, "/a\0"));
    }

    [Fact]
    public async Task It_tells_what_changes_until_it_is_interrupted()
    {
        using RawStore store = _daemon.ConnectRaw();
        using RunningTool tool = RunningTool.Start(_daemon.SocketPath, "watch", "/a", "/b");
        string?[] first = [await tool.ReadLineAsync(), await tool.ReadLineAsync()];
        Assert.Equal(["/a", "/b"], first.Order());
        Write(store, "/b/below", "1"u8);
        Assert.Equal("/b/below", await tool.ReadLineAsync());
        Write(store, "/c", "1"u8);
        Write(store, "/a", "1"u8);
        Assert.Equal("/a", await tool.ReadLineAsync());
        await tool.InterruptAsync();
        Assert.Equal(new Ended(130, "", ""), await tool.EndAsync());
    }

    [Fact]
    public async Task It_tells_a_number_of_changes()
    {
        using RawStore store = _daemon.ConnectRaw();
        using RunningTool tool = RunningTool.Start(_daemon.SocketPath, "watch", "-n", "2", "/a");
        Assert.Equal("/a", await tool.ReadLineAsync());
        Write(store, "/a/node", "1"u8);
        Assert.Equal(new Ended(0, "/a/node\n", ""), await tool.EndAsync());
    }

    [Fact]
    public async Task Without_arguments_it_takes_commands_line_by_line()
    {
        const string lines = """
            write /a/x 'two words'

            read /a/x
            read /a/missing
            nonsense
            write /a/"y z"
            ls -f /a
            """;
        Ended ended = await RunningTool.RunAsync(_daemon.SocketPath, lines);
        Assert.Equal((0, "two words\n/a/x = \"two words\"\n"), (ended.Status, ended.Output));
        Assert.Equal(
            [
                "xenstore: READ /a/missing: ENOENT: there is no such node, watch or transaction",
                "xenstore: 'nonsense' is no command; these are: ls, read, write, rm, watch, help.",
                "xenstore: a path and a value are needed, not 1 words; usage: write path value (a value with blanks in quotes)",
            ],
            ended.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task The_status_of_many_commands_is_the_last_ones()
    {
        Assert.Equal(1, (await RunningTool.RunAsync(_daemon.SocketPath, "write /a 1\nread /missing\n")).Status);
        Assert.Equal(2, (await RunningTool.RunAsync(_daemon.SocketPath, "write /a 1\nread 'unfinished\n")).Status);
    }

    [Theory]
    [InlineData(1, "xenstore: READ /missing: ENOENT", "read", "/missing")]
    [InlineData(1, "xenstore: DIRECTORY /missing: ENOENT", "ls", "-f", "/missing")]
    [InlineData(1, "xenstore: RM /missing/too: ENOENT", "rm", "/missing/too")]
    [InlineData(1, "xenstore: READ /not//a/path: EINVAL", "read", "/not//a/path")]
    [InlineData(2, "xenstore: 'reed' is no command", "reed", "/a")]
    [InlineData(2, "xenstore: a path is missing; usage: read path...", "read")]
    [InlineData(2, "xenstore: option '-q' is not known; usage: rm path...", "rm", "-q", "/a")]
    [InlineData(2, "xenstore: option '-q' is not known; usage: ls [-f] [path]", "ls", "-q", "/a")]
    [InlineData(2, "xenstore: one path can be listed at a time; usage: ls [-f] [path]", "ls", "/a", "/b")]
    [InlineData(2, "xenstore: a path and a value are needed, not 3 words", "write", "/a", "two", "words")]
    [InlineData(2, "xenstore: 'none' is no count of events", "watch", "-n", "none", "/a")]
    [InlineData(2, @"xenstore: byte 2 of the value is a \ that is followed by none of", "write", "/a", @"x\y")]
    public async Task What_cannot_be_done_is_named(int status, string error, params string[] arguments)
    {
        Ended ended = await RunAsync(arguments);
        Assert.Equal((status, ""), (ended.Status, ended.Output));
        Assert.StartsWith(error, ended.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nowhere/socket", "connecting to /nowhere/socket failed")]
    [InlineData("/dev/nowhere", "opening /dev/nowhere failed")]
    public async Task Where_no_xenstore_is_the_place_is_named(string place, string error)
    {
        Ended ended = await RunningTool.RunAsync(place, "", "ls");
        Assert.Equal((1, ""), (ended.Status, ended.Output));
        Assert.StartsWith($"xenstore: {error}", ended.Errors, StringComparison.Ordinal);
    }

    private static void Write(RawStore store, string path, ReadOnlySpan<byte> value) =>
        store.Expect(XsType.Write, $"{path}\0{Encoding.Latin1.GetString(value)}");

    private Task<Ended> RunAsync(params string[] arguments) => RunningTool.RunAsync(_daemon.SocketPath, "", arguments);
}
