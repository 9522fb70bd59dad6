namespace Xenlet.QemuXen.Tests;

/// <summary>The host's end of 9P, with the requests of Linux's fs/9p.</summary>
public sealed class FileServerTests : IAsyncLifetime
{
    private const int NoEntry = 2;
    private const int Access = 13;
    private const int Exists = 17;
    private const int Invalid = 22;
    private const int NotEmpty = 39;
    private const int NotSupported = 95;

    private readonly string _directory = Directory.CreateTempSubdirectory("file-server-").FullName;
    private FileClient _client = null!;

    private string Root => Path.Combine(_directory, "root");

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Root);
        _client = await FileClient.ConnectAsync(Root, Path.Combine(_directory, "socket"));
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task What_is_created_and_written_is_a_file_of_the_host_and_is_read_back()
    {
        byte[] content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];
        await _client.CreateAsync("made", FileClient.WriteOnly, mode: 0x1ED);
        for (int at = 0; at < content.Length; at += 100_000)
        {
            await _client.WriteAsync(at, content.AsMemory(at, 100_000));
        }

        await _client.CloseAsync();

        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(Root, "made")));
        Assert.True(File.GetUnixFileMode(Path.Combine(Root, "made")).HasFlag(UnixFileMode.UserExecute));
        await _client.OpenAsync("made", FileClient.ReadOnly);
        Assert.Equal((0x81ED, content.Length), await _client.AttributesAsync());
        Assert.Equal(content, await _client.ReadToEndAsync());
    }

    [Fact]
    public async Task A_file_opened_to_be_appended_to_grows_at_its_end_whatever_place_is_named()
    {
        await File.WriteAllTextAsync(Path.Combine(Root, "log"), "one ");
        await _client.OpenAsync("log", FileClient.WriteOnly | FileClient.Append);
        await _client.WriteAsync(0, "two "u8.ToArray());
        await File.AppendAllTextAsync(Path.Combine(Root, "log"), "three ");
        await _client.WriteAsync(0, "four"u8.ToArray());

        Assert.Equal("one two three four", await File.ReadAllTextAsync(Path.Combine(Root, "log")));
    }

    [Theory]
    [InlineData(FileClient.Truncate)]
    [InlineData(0)]
    public async Task A_file_is_emptied_when_it_is_opened_so_or_its_size_is_set(int flag)
    {
        string path = Path.Combine(Root, "file");
        await File.WriteAllTextAsync(path, "content");
        await _client.OpenAsync("file", FileClient.WriteOnly | flag);
        Assert.Equal(flag == 0 ? 7 : 0, new FileInfo(path).Length);
        await _client.SetSizeAsync(3);
        Assert.Equal(3, new FileInfo(path).Length);
    }

    [Fact]
    public async Task A_large_directory_comes_in_pieces_and_each_entry_once()
    {
        string[] names = [.. Enumerable.Range(0, 500).Select(i => $"file with a name of some length {i}")];
        foreach (string name in names)
        {
            await File.WriteAllTextAsync(Path.Combine(Root, name), "");
        }

        await _client.OpenAsync("", FileClient.ReadOnly);
        (List<string> listed, int pieces) = await _client.ListAsync(pieceSize: 4096);

        Assert.Equal([".", "..", .. names.Order(StringComparer.Ordinal)], listed.Order(StringComparer.Ordinal));
        Assert.True(pieces > 5, $"all came in {pieces} pieces");
    }

    [Fact]
    public async Task Directories_and_files_are_made_renamed_and_removed()
    {
        await _client.MakeDirectoryAsync("a");
        await File.WriteAllTextAsync(Path.Combine(Root, "a", "file"), "");
        Assert.Equal(Exists, await FailureOf(_client.MakeDirectoryAsync("a")));
        Assert.Equal(NotEmpty, await FailureOf(_client.RemoveAsync("a")));
        await _client.RenameAsync("a", "b");
        File.Delete(Path.Combine(Root, "b", "file"));
        await _client.RemoveAsync("b");
        Assert.Empty(Directory.GetFileSystemEntries(Root));
        Assert.Equal(NoEntry, await FailureOf(_client.RemoveAsync("b")));
    }

    [Theory]
    [InlineData("../outside", Invalid)]
    [InlineData("/etc", Invalid)]
    [InlineData(".", Invalid)]
    [InlineData("", Invalid)]
    [InlineData("link", Access)]
    [InlineData("missing", NoEntry)]
    public async Task No_name_leads_out_of_the_directory(string name, int error)
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "outside"), "secret");
        File.CreateSymbolicLink(Path.Combine(Root, "link"), Path.Combine(_directory, "outside"));

        Assert.Equal(error, await FailureOf(_client.WalkAsync(name)));
    }

    [Fact]
    public async Task Above_the_directory_is_the_directory_itself()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "outside"), "secret");

        Assert.Equal(1, await _client.WalkAsync(".."));
        Assert.Equal(1, await _client.WalkAsync("..", "outside"));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(18)]
    [InlineData(30)]
    [InlineData(52)]
    public async Task Links_devices_attributes_and_locks_are_refused(byte type) =>
        Assert.Equal(NotSupported, await FailureOf(_client.AskAsync(type, [])));

    [Fact]
    public Task A_message_that_is_too_short_for_its_fields_ends_the_connection() =>
        Assert.ThrowsAnyAsync<IOException>(() => _client.AskAsync(FileClient.OpenMessage, [1]));

    private static async Task<int> FailureOf(Task asked) => (await Assert.ThrowsAsync<FileClient.RefusedException>(() => asked)).Errno;
}
