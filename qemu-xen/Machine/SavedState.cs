using System.Security.Cryptography;
using System.Text;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Machine;

/// <summary>
/// The state of a machine whose dom0 is ready and that runs no guest, kept beside the dom0 image. Restoring it takes a second or two
/// instead of a boot. Its name is a hash of QEMU's version and of every argument, so that it is only used for an equal machine.
/// </summary>
internal sealed class SavedState
{
    private const string Pattern = "machine-*.state";

    // Each takes as much space as dom0 uses memory.
    private const int Kept = 3;

    private readonly string _directory;

    private SavedState(string directory, string path)
    {
        _directory = directory;
        Path = path;
    }

    /// <summary>The file, whether it exists or not.</summary>
    public string Path { get; }

    /// <summary>Whether there is a state to restore.</summary>
    public bool Exists => File.Exists(Path);

    /// <summary>Determines the file of a machine's state.</summary>
    /// <param name="image">The image it was booted from, whose directory keeps the state.</param>
    /// <param name="arguments">QEMU's arguments without those that differ from run to run.</param>
    /// <param name="cancellationToken">Cancels the query of QEMU's version.</param>
    public static async Task<SavedState> ForAsync(Dom0Image image, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        string version = await HostCommand.RunAsync(QemuEmulator.Program, ["--version"], cancellationToken: cancellationToken);
        byte[] key = SHA256.HashData(Encoding.UTF8.GetBytes(version + string.Join('\n', arguments)));
        return new(image.Directory, System.IO.Path.Combine(image.Directory, $"machine-{Convert.ToHexStringLower(key)[..16]}.state"));
    }

    /// <summary>Moves a finished file into place and removes the least recently used states.</summary>
    public void Accept(string finished)
    {
        File.Move(finished, Path, overwrite: true);
        foreach (FileInfo old in new DirectoryInfo(_directory)
            .EnumerateFiles(Pattern)
            .OrderByDescending(file => file.LastWriteTimeUtc)
            .Skip(Kept))
        {
            old.Delete();
        }
    }

    /// <summary>Marks the state as just used.</summary>
    public void Touch()
    {
        try
        {
            File.SetLastWriteTimeUtc(Path, DateTime.UtcNow);
        }
        catch (IOException)
        {
            // Another process has just removed it, but this machine has already read it.
        }
    }

    /// <summary>Removes a state that could not be restored.</summary>
    public void Delete() => File.Delete(Path);
}
