using System.Globalization;

namespace Xenlet.XenStoreRing.Tests.Client;

public class DirectoryPartTests
{
    [Fact]
    public async Task A_directory_larger_than_one_message_is_read_in_parts()
    {
        string[] names = [.. Enumerable.Range(0, 2000).Select(number => $"node-{number}")];
        await using TestServer server = new() { Responder = request => Answer(request, names, generation: "77") };
        await using XenStoreClient client = await server.ConnectAsync();

        Assert.Equal(names, await client.DirectoryAsync("/big").Soon());
        Assert.Equal(names, await client.TryDirectoryAsync("/big").Soon());
    }

    [Fact]
    public async Task Reading_starts_again_when_the_generation_changes()
    {
        string[] names = [.. Enumerable.Range(0, 1000).Select(number => $"old-{number}")];
        string generation = "1";
        int parts = 0;
        await using TestServer server = new()
        {
            Responder = request =>
            {
                if (request.Type == XenStoreMessageType.DirectoryPart && ++parts == 2)
                {
                    names = [.. Enumerable.Range(0, 1500).Select(number => $"new-{number}")];
                    generation = "2";
                }

                return Answer(request, names, generation);
            },
        };
        await using XenStoreClient client = await server.ConnectAsync();

        Assert.Equal(names.Length + 500, (await client.DirectoryAsync("/big").Soon()).Length);
        Assert.Equal(names, await client.DirectoryAsync("/big").Soon());
    }

    [Fact]
    public async Task A_directory_that_keeps_changing_is_given_up()
    {
        int generation = 0;
        await using TestServer server = new()
        {
            Responder = request => request.Type == XenStoreMessageType.Directory
                ? request.Error("E2BIG")
                : request.Reply($"{++generation}|a|"),
        };
        await using XenStoreClient client = await server.ConnectAsync();

        XenStoreException error = await Patience.Fails(client.DirectoryAsync("/big"));
        Assert.Equal(XenStoreError.EAGAIN, error.Error);
        Assert.Contains("changed 33 times", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("|")]
    [InlineData("a|")]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("-1|a||")]
    [InlineData("1|")]
    [InlineData("1|a")]
    [InlineData("1|a/b||")]
    [InlineData("1||b|")]
    public async Task A_part_of_the_wrong_form_is_a_protocol_violation(string part)
    {
        await using TestServer server = new()
        {
            Responder = request => request.Type == XenStoreMessageType.Directory ? request.Error("E2BIG") : request.Reply(part),
        };
        await using XenStoreClient client = await server.ConnectAsync();

        Assert.Equal(XenStoreError.ProtocolViolation, (await Patience.Fails(client.DirectoryAsync("/big"))).Error);
        Assert.False(client.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_directory_without_end_is_given_up_before_it_fills_memory()
    {
        string part = "1|" + string.Concat(Enumerable.Repeat(new string('x', 999) + "|", 4));
        await using TestServer server = new()
        {
            Responder = request => request.Type == XenStoreMessageType.Directory ? request.Error("E2BIG") : request.Reply(part),
        };
        await using XenStoreClient client = await server.ConnectAsync();

        XenStoreException error = await Patience.Fails(client.DirectoryAsync("/big"));
        Assert.Equal(XenStoreError.ProtocolViolation, error.Error);
        Assert.Contains("more than 1048576 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_parts_leaves_the_first_error()
    {
        await using TestServer server = new()
        {
            Responder = request => request.Error(request.Type == XenStoreMessageType.Directory ? "E2BIG" : "ENOSYS"),
        };
        await using XenStoreClient client = await server.ConnectAsync();

        XenStoreException error = await Patience.Fails(client.DirectoryAsync("/big"));
        Assert.Equal(XenStoreError.E2BIG, error.Error);
        Assert.Equal(XenStoreMessageType.Directory, error.Operation);
    }

    [Fact]
    public async Task A_directory_removed_between_its_parts_is_absent()
    {
        await using TestServer server = new()
        {
            Responder = request => request.Type == XenStoreMessageType.Directory ? request.Error("E2BIG")
                : request.Text == "/big|0|" ? request.Reply("1|a|") : request.Error("ENOENT"),
        };
        await using XenStoreClient client = await server.ConnectAsync();

        Assert.Null(await client.TryDirectoryAsync("/big").Soon());
        Assert.Equal(XenStoreError.ENOENT, (await Patience.Fails(client.DirectoryAsync("/big"))).Error);
    }

    /// <summary>Parts as xenstored sends them: whole names only, and an extra empty one at the end if there is room.</summary>
    private static byte[] Answer(Message request, string[] names, string generation)
    {
        string all = string.Concat(names.Select(name => name + "|"));
        if (request.Type == XenStoreMessageType.Directory)
        {
            return all.Length > XenStoreLimits.MaxPayload ? request.Error("E2BIG") : request.Reply(all);
        }

        int offset = int.Parse(request.Text.Split('|')[1], CultureInfo.InvariantCulture);
        string part = generation + "|";
        string rest = offset < all.Length ? all[offset..] : "";
        int room = XenStoreLimits.MaxPayload - part.Length;
        int length = rest.Length <= room ? rest.Length : rest.LastIndexOf('|', room - 1) + 1;
        part += rest[..length];
        return request.Reply(length == rest.Length && part.Length < XenStoreLimits.MaxPayload ? part + "|" : part);
    }
}
