using System.Text;

namespace Xenlet.XenStoreRing.Tests.Client;

/// <summary>The request of each operation, and its result for each reply.</summary>
public class OperationTests
{
    /// <summary>Operation, what it sends, the reply's payload or error, the result in words.</summary>
    public static TheoryData<string, string, string, string> Exchanges => new()
    {
        { "read", "READ 0 /a|", "v", "v" },
        { "read", "READ 0 /a|", "", "" },
        { "read", "READ 0 /a|", "a|b", "a\0b" },
        { "read", "READ 0 /a|", "!ENOENT", "ENOENT" },
        { "read", "READ 0 /a|", "!EWHAT", "Unknown EWHAT" },
        { "tryread", "READ 0 /a|", "v", "v" },
        { "tryread", "READ 0 /a|", "!ENOENT", "null" },
        { "tryread", "READ 0 /a|", "!EACCES", "EACCES" },
        { "bytes", "READ 0 /a|", "a|", "61 00" },
        { "trybytes", "READ 0 /a|", "!ENOENT", "null" },
        { "int", "READ 0 /a|", "-12", "-12" },
        { "int", "READ 0 /a|", "12 ", "BadValue" },
        { "int", "READ 0 /a|", "4294967296", "BadValue" },
        { "int", "READ 0 /a|", "", "BadValue" },
        { "tryint", "READ 0 /a|", "!ENOENT", "null" },
        { "tryint", "READ 0 /a|", "7", "7" },
        { "tryint", "READ 0 /a|", "x", "BadValue" },
        { "long", "READ 0 /a|", "4294967296", "4294967296" },
        { "trylong", "READ 0 /a|", "!ENOENT", "null" },
        { "exists", "READ 0 /a|", "v", "True" },
        { "exists", "READ 0 /a|", "!ENOENT", "False" },
        { "exists", "READ 0 /a|", "!EACCES", "EACCES" },
        { "write", "WRITE 0 /a|v\u00e4lue", "OK|", "done" },
        { "write", "WRITE 0 /a|v\u00e4lue", "OK", "done" },
        { "write", "WRITE 0 /a|v\u00e4lue", "NO|", "ProtocolViolation" },
        { "write", "WRITE 0 /a|v\u00e4lue", "!ENOSPC", "ENOSPC" },
        { "writenumber", "WRITE 0 /a|-5", "OK|", "done" },
        { "mkdir", "MKDIR 0 /a|", "OK|", "done" },
        { "rm", "RM 0 /a|", "OK|", "done" },
        { "rm", "RM 0 /a|", "!ENOENT", "ENOENT" },
        { "tryrm", "RM 0 /a|", "OK|", "True" },
        { "tryrm", "RM 0 /a|", "!ENOENT", "False" },
        { "dir", "DIRECTORY 0 /a|", "", "" },
        { "dir", "DIRECTORY 0 /a|", "x|y|", "x,y" },
        { "dir", "DIRECTORY 0 /a|", "x|y", "x,y" },
        { "dir", "DIRECTORY 0 /a|", "x||y|", "ProtocolViolation" },
        { "dir", "DIRECTORY 0 /a|", "x/y|", "ProtocolViolation" },
        { "dir", "DIRECTORY 0 /a|", "!ENOENT", "ENOENT" },
        { "trydir", "DIRECTORY 0 /a|", "!ENOENT", "null" },
        { "getperms", "GET_PERMS 0 /a|", "n5|r0|", "n5,r0" },
        { "getperms", "GET_PERMS 0 /a|", "", "ProtocolViolation" },
        { "getperms", "GET_PERMS 0 /a|", "z5|", "ProtocolViolation" },
        { "setperms", "SET_PERMS 0 /a|n5|b0|", "OK|", "done" },
        { "domainpath", "GET_DOMAIN_PATH 0 5|", "/local/domain/5|", "/local/domain/5" },
        { "domainpath", "GET_DOMAIN_PATH 0 5|", "a b|", "ProtocolViolation" },
        { "introduced", "IS_DOMAIN_INTRODUCED 0 5|", "T|", "True" },
        { "introduced", "IS_DOMAIN_INTRODUCED 0 5|", "F|", "False" },
        { "introduced", "IS_DOMAIN_INTRODUCED 0 5|", "X|", "ProtocolViolation" },
        { "introduce", "INTRODUCE 0 5|1234|7|", "OK|", "done" },
        { "release", "RELEASE 0 5|", "OK|", "done" },
        { "resume", "RESUME 0 5|", "OK|", "done" },
        { "settarget", "SET_TARGET 0 5|6|", "OK|", "done" },
        { "control", "CONTROL 0 help|", "words|", "77 6F 72 64 73 00" },
        { "begin", "TRANSACTION_START 0 |", "abc|", "ProtocolViolation" },
        { "begin", "TRANSACTION_START 0 |", "0|", "ProtocolViolation" },
        { "begin", "TRANSACTION_START 0 |", "!ENOSPC", "ENOSPC" },
    };

    private static readonly Dictionary<string, Func<XenStoreClient, Task<string>>> Operations = new()
    {
        ["read"] = async client => await client.ReadAsync("/a"),
        ["tryread"] = async client => await client.TryReadAsync("/a") ?? "null",
        ["bytes"] = async client => Hex(await client.ReadBytesAsync("/a")),
        ["trybytes"] = async client => await client.TryReadBytesAsync("/a") is { } bytes ? Hex(bytes) : "null",
        ["int"] = async client => $"{await client.ReadInt32Async("/a")}",
        ["tryint"] = async client => $"{await client.TryReadInt32Async("/a"):0;-0}" is { Length: > 0 } text ? text : "null",
        ["long"] = async client => $"{await client.ReadInt64Async("/a")}",
        ["trylong"] = async client => $"{await client.TryReadInt64Async("/a")}" is { Length: > 0 } text ? text : "null",
        ["exists"] = async client => $"{await client.ExistsAsync("/a")}",
        ["write"] = client => Done(client.WriteAsync("/a", "v\u00e4lue")),
        ["writenumber"] = client => Done(client.WriteAsync("/a", -5)),
        ["mkdir"] = client => Done(client.MakeDirectoryAsync("/a")),
        ["rm"] = client => Done(client.RemoveAsync("/a")),
        ["tryrm"] = async client => $"{await client.TryRemoveAsync("/a")}",
        ["dir"] = async client => string.Join(',', await client.DirectoryAsync("/a")),
        ["trydir"] = async client => await client.TryDirectoryAsync("/a") is { } names ? string.Join(',', names) : "null",
        ["getperms"] = async client => string.Join(',', await client.GetPermissionsAsync("/a")),
        ["setperms"] = client => Done(client.SetPermissionsAsync("/a", [new(5, XenStoreRights.None), new(0, XenStoreRights.ReadWrite)])),
        ["domainpath"] = async client => await client.GetDomainPathAsync(5),
        ["introduced"] = async client => $"{await client.IsDomainIntroducedAsync(5)}",
        ["introduce"] = client => Done(client.IntroduceDomainAsync(5, 1234, 7)),
        ["release"] = client => Done(client.ReleaseDomainAsync(5)),
        ["resume"] = client => Done(client.ResumeDomainAsync(5)),
        ["settarget"] = client => Done(client.SetTargetAsync(5, 6)),
        ["control"] = async client => Hex(await client.RequestAsync(XenStoreMessageType.Control, "help\0"u8.ToArray())),
        ["begin"] = async client => $"{(await client.BeginTransactionAsync()).Id}",
    };

    [Theory]
    [MemberData(nameof(Exchanges))]
    public async Task An_operation_sends_its_message_and_understands_the_reply(string operation, string sent, string reply, string result)
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        Task<string> running = Operations[operation](client);
        Message request = await server.ReceiveAsync();
        server.Send(reply.StartsWith('!') ? request.Error(reply[1..]) : request.Reply(reply));
        string found;
        try
        {
            found = await running.Soon();
        }
        catch (XenStoreException error)
        {
            found = error.Error == XenStoreError.Unknown ? $"Unknown {error.ErrorName}" : error.Error.ToString();
            Assert.Equal(request.Type, error.Operation);
            Assert.StartsWith(
                $"{request.Type.ToWireName()} {(request.Path.Length == 0 ? "\"\"" : request.Path)}: ",
                error.Message,
                StringComparison.Ordinal);
            Assert.Equal(request.Path, error.Path);
        }

        Assert.Equal(result, found);
        Assert.Equal(sent, $"{request.Type.ToWireName()} {request.Header.TransactionId} {request.Text}");
        Assert.False(client.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_bad_path_is_refused_before_anything_is_sent()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();

        XenStoreException error = await Patience.Fails(client.ReadAsync("/a//b"));
        Assert.Equal(XenStoreError.EINVAL, error.Error);
        Assert.Equal("READ /a//b: EINVAL: \"//\" is not allowed", error.Message);
        Assert.Equal("WATCH x/: EINVAL: a \"/\" at the end is not allowed", (await Patience.Fails(client.WatchAsync("x/"))).Message);
        Assert.Equal(XenStoreError.EINVAL, (await Patience.Fails(client.WriteAsync("a b", ""))).Error);
        Assert.False(server.HasRequest);
    }

    [Fact]
    public async Task A_value_too_long_for_a_message_is_refused_before_anything_is_sent()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();

        XenStoreException error = await Patience.Fails(client.WriteAsync("/a", new byte[4094]));
        Assert.Equal(XenStoreError.E2BIG, error.Error);
        Assert.Contains("4097 bytes, the protocol allows 4096", error.Message, StringComparison.Ordinal);
        Assert.False(server.HasRequest);
    }

    [Fact]
    public async Task A_message_larger_than_the_ring_goes_through_both_ways_in_pieces()
    {
        await using TestServer server = new(new(requestIndex: uint.MaxValue - 1000, replyIndex: uint.MaxValue - 2000));
        await using XenStoreClient client = await server.ConnectAsync();
        byte[] value = new byte[4093];
        Random.Shared.NextBytes(value);
        ValueTask writing = client.WriteAsync("/a", value);
        Message request = await server.ReceiveAsync(XenStoreMessageType.Write);
        server.Send(request.Reply("OK|"));
        await writing.Soon();
        Assert.Equal(value, request.Body[3..]);

        ValueTask<byte[]> reading = client.ReadBytesAsync("/a");
        server.Send((await server.ReceiveAsync()).Reply(value));
        Assert.Equal(value, await reading.Soon());
    }

    [Fact]
    public async Task A_value_is_read_into_the_callers_memory()
    {
        await using TestServer server = new() { Responder = request => request.Reply("value") };
        await using XenStoreClient client = await server.ConnectAsync();
        byte[] buffer = new byte[5];

        Assert.Equal(5, await client.ReadAsync("/a", buffer).Soon());
        Assert.Equal("value", Encoding.ASCII.GetString(buffer));
        XenStoreException error = await Patience.Fails(client.ReadAsync("/a", buffer.AsMemory(1)));
        Assert.Equal(XenStoreError.E2BIG, error.Error);
        Assert.Contains("5 bytes, the buffer given 4", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reads_into_the_callers_memory_make_no_garbage()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        byte[] buffer = new byte[64];
        ValueTask<int>[] first = [.. Enumerable.Range(0, 15).Select(_ => client.ReadAsync("/a", buffer))];
        for (int i = 0; i < first.Length; i++)
        {
            server.Send((await server.ReceiveAsync()).Reply("x"));
        }

        foreach (ValueTask<int> read in first)
        {
            Assert.Equal(1, await read.Soon());
        }

        for (int i = 0; i < 100; i++)
        {
            // Requests used again, whichever way they ended.
            using CancellationTokenSource cancel = new();
            ValueTask<int> read = client.ReadAsync("/a", buffer, cancel.Token);
            Message request = await server.ReceiveAsync();
            server.Send(i % 3 == 0 ? request.Error("ENOENT") : request.Reply($"{i}"));
            if (i % 3 == 0)
            {
                await Patience.Fails(read);
            }
            else
            {
                Assert.Equal($"{i}".Length, await read.Soon());
            }
        }

        // Requests that were used wait for all clients of the process: now and then a test beside this one has taken them all.
        long least = long.MaxValue;
        for (int i = 0; i < 100 && least > 0; i++)
        {
            // The server's side allocates, so only the caller's own thread is counted.
            long before = GC.GetAllocatedBytesForCurrentThread();
            ValueTask<int> last = client.ReadAsync("/a", buffer);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            server.Send((await server.ReceiveAsync()).Reply("x"));
            Assert.Equal(1, await last.Soon());
        }

        Assert.Equal(0, least);
    }

    private static string Hex(byte[] bytes) => string.Join(' ', bytes.Select(value => value.ToString("X2")));

    private static async Task<string> Done(ValueTask task)
    {
        await task;
        return "done";
    }
}
