using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Tests;

public sealed class FileChangesTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private readonly string _directory = Directory.CreateTempSubdirectory("changes-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_file_that_is_made_and_one_that_grows_are_told()
    {
        using FileChanges changes = new(_directory);
        string path = Path.Combine(_directory, "guest.log");

        // Making and opening it may be told apart: what comes of a write is told when the file is long open.
        Task made = changes.Next;
        await using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        await made.WaitAsync(Limit);

        for (int length = 1; length <= 3; length++)
        {
            Task grown = changes.Next;
            file.WriteByte((byte)'x');
            await grown.WaitAsync(Limit);
        }
    }
}
